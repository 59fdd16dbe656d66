#include "tools/gyred/command_line.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/invalid.h"
#include "tools/gyred/roles.h"
#include "tools/gyred/sources.h"

namespace gyre::daemon {

namespace {

constexpr const char* kMainFooter = R"(Examples, each in a terminal of its own:
  gyred coordinator                              decides who serves what; never on the path of a read or write
  gyred node                                     a storage node at 127.0.0.1:7400
  gyred router                                   the cluster as one Redis, at 127.0.0.1:6379
  gyre --seeds 127.0.0.1:7400 put greeting hi    talk to it
`gyre cluster up` starts a whole local cluster with one command.

Exit codes: 0 stopped as asked (SIGTERM, SIGINT); 1 refused by the cluster, the data directory or the disk;
2 wrong options; 3 an address cannot be used.
`gyred ROLE --help` lists a role's options.)";

constexpr const char* kRoleFooter =
    R"(Every option can also be given as an environment variable (--log-level: GYRE_LOG_LEVEL) or in the file of
--config (log-level = "debug"). A flag goes before a variable, that before the file, that before the default.
Sizes are bytes, or a number and KiB, MiB or GiB.

Examples:
{}
Exit codes: 0 stopped as asked (SIGTERM, SIGINT); 1 refused by the cluster, the data directory or the disk;
2 wrong options; 3 an address cannot be used.)";

constexpr const char* kNodeExamples = R"(  gyred node --id n2 --listen 127.0.0.1:7410 --http 127.0.0.1:7411
  gyred node --id n3 --zone b --weight 2 --loops 4 --data /srv/gyre --durability always
  gyred node --listen 10.0.0.5:7400 --join 10.0.0.1:7300 --allow-remote
  gyred node --config gyred.toml --print-config
)";

constexpr const char* kCoordinatorExamples = R"(  gyred coordinator --initial-nodes 3 --rf 2 --partitions 256
  gyred coordinator --listen 10.0.0.1:7300 --allow-remote
  gyred coordinator --config coordinator.toml --print-config
)";

constexpr const char* kRouterExamples =
    R"(  gyred router --resp 127.0.0.1:6379                 any Redis client: redis-cli
  gyred router --read any --ack all --loops 2
  gyred router --seeds 10.0.0.1:7300 --resp 10.0.0.9:6379 --allow-remote
)";

// One role as a subcommand, and what its flags were given.
struct RoleCommand {
  CLI::App* app = nullptr;
  OptionSet options;
  GivenValues flags;
  std::string config;
  bool print_config = false;
};

void add_role(CLI::App& parent, RoleCommand& role, const char* name, const char* description, const char* examples) {
  role.app = parent.add_subcommand(name, description);
  role.app->footer(fmt::format(fmt::runtime(kRoleFooter), examples));
  role.app->allow_extras();
  for (const Option& option : role.options.options()) {
    const std::string flag = "--" + option.name;
    const auto take = [&role, name = option.name, flag](const std::string& value) { role.flags[name] = {value, flag}; };
    if (option.value_name.empty()) {
      role.app->add_flag_callback(flag, [take] { take("true"); }, option.help);
      continue;
    }
    const std::string help = fmt::format("{} [{}]", option.help, option.default_text);
    const std::string flags = option.alias.empty() ? flag : flag + ",--" + option.alias;
    CLI::Option* added = role.app->add_option_function<std::string>(flags, take, help);
    added->type_name(option.value_name);
    if (option.list) added->join(',');
  }
  role.app->add_option("--config", role.config, "TOML file with any of these options")->type_name("FILE");
  role.app->add_flag("--print-config", role.print_config, "Print the effective options as such a file and exit");
}

// Help of everything CLI11 knows by itself; unknown words come back through remaining().
Result<void> check_words(const CLI::App& app, const std::vector<const RoleCommand*>& roles) {
  std::vector<std::string> role_names;
  for (const RoleCommand* role : roles) role_names.push_back(role->app->get_name());
  if (const auto words = app.remaining(); !words.empty()) {
    return invalid(fmt::format("there is no role '{}'{}: gyred node, gyred coordinator, or gyred router",
                               words.front().substr(0, 80), hint(words.front(), role_names, "gyred ")));
  }
  for (const RoleCommand* role : roles) {
    const auto words = role->app->remaining();
    if (words.empty()) continue;
    const std::string word = words.front().substr(0, words.front().find('='));
    if (!word.starts_with("--")) {
      return invalid(fmt::format("'{}' is not expected: options of gyred {} begin with --", word.substr(0, 80),
                                 role->app->get_name()));
    }
    std::vector<std::string> names = role->options.flags();
    names.insert(names.end(), {"config", "print-config", "help"});
    return invalid(fmt::format("gyred {} has no option {}{}; gyred {} --help lists them", role->app->get_name(),
                               word.substr(0, 80), hint(word.substr(2), names, "--"), role->app->get_name()));
  }
  return {};
}

template <class Options>
Result<Invocation> finish(RoleCommand& role, Options& options, const Environment& environment) {
  GivenValues values = std::move(role.flags);
  values.merge(read_environment(environment, role.options));
  if (role.config.empty()) {
    if (const char* config = environment("GYRE_CONFIG")) role.config = config;
  }
  if (!role.config.empty()) {
    GYRE_TRY_SET(GivenValues in_file, read_file(role.config, role.options));
    values.merge(in_file);
  }
  GYRE_TRY(set_options(role.options, values));
  GYRE_TRY(complete(options));
  if (role.print_config) return Print{to_toml(role.options)};
  return Invocation(std::move(options));
}

}  // namespace

Result<Invocation> read_command_line(const std::vector<std::string>& arguments, const Environment& environment) {
  node::NodeOptions node_options;
  coordinator::CoordinatorOptions coordinator_options;
  router::RouterOptions router_options;
  RoleCommand node{.app = nullptr, .options = describe(node_options), .flags = {}, .config = {}};
  RoleCommand coordinator{.app = nullptr, .options = describe(coordinator_options), .flags = {}, .config = {}};

  RoleCommand router{.app = nullptr, .options = describe(router_options), .flags = {}, .config = {}};

  CLI::App app("Gyre's server: one binary, several roles.", "gyred");
  app.footer(kMainFooter);
  app.allow_extras();
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "gyred " GYRE_VERSION, "Print the version and exit");
  app.get_formatter()->column_width(36);
  add_role(app, node, "node", "A storage node: holds partitions and serves them", kNodeExamples);
  add_role(app, coordinator, "coordinator", "Admits nodes, decides who serves what, keeps the cluster map",
           kCoordinatorExamples);
  add_role(app, router, "router", "Serves Redis clients from the whole cluster; holds no data", kRouterExamples);

  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return Print{app.help()};
  } catch (const CLI::CallForVersion& version) {
    return Print{std::string(version.what()) + "\n"};
  } catch (const CLI::ParseError& error) {
    return invalid(error.what());
  }
  GYRE_TRY(check_words(app, {&node, &coordinator, &router}));
  if (node.app->parsed()) return finish(node, node_options, environment);
  if (coordinator.app->parsed()) return finish(coordinator, coordinator_options, environment);
  if (router.app->parsed()) return finish(router, router_options, environment);
  return invalid("name a role: gyred node, gyred coordinator, or gyred router (gyred --help explains)");
}

}  // namespace gyre::daemon
