// Commands that change: put, del, cas, incr, expire, persist.
#include <fmt/format.h>

#include "tools/gyre/kv_command.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

using std::chrono::milliseconds;

// {"key", ...}; prints `text` instead where JSON is not wanted.
void print_outcome(const Context& context, const std::string& key, Json facts, const std::string& text) {
  if (!context.json) return print_line(text);
  Json json;
  set_bytes(json, "key", key);
  json.update(facts);
  print_json(json);
}

int print_version(const Context& context, const std::string& key, const Result<Version>& version) {
  if (!version) return report_write(context, version.error());
  const auto text = gyre::to_string(*version);
  print_outcome(context, key, {{"version", text}}, fmt::format("ok, version {}", text));
  return kExitOk;
}

// --if-absent, --if-present and --if-version, of which one may be given.
struct ConditionArguments {
  bool absent = false;
  bool present = false;
  std::string version;

  void add_to(CLI::App& command) {
    auto* group = command.add_option_group("Condition", "At most one; the write fails with exit code 1 otherwise");
    group->add_flag("--if-absent", absent, "Only if the key does not exist");
    group->add_flag("--if-present", present, "Only if the key exists");
    group->add_option("--if-version", version, "Only if the key still has this version")->type_name("TERM:SEQ");
    group->require_option(0, 1);
  }

  Result<Condition> read() const {
    if (absent) return Condition::if_absent();
    if (present) return Condition::if_present();
    if (version.empty()) return Condition::always();
    GYRE_TRY_SET(const auto wanted, parse_version(version));
    return Condition::if_version(wanted);
  }
};

struct PutArguments {
  std::string key;
  ValueSource value;
  milliseconds ttl{0};
  CLI::Option* ttl_option = nullptr;
  bool keep_ttl = false;
  ConditionArguments condition;
};

// Looks for the cluster only once the arguments make sense, as all commands here do.
int put(Context& context, const PutArguments& arguments) {
  const auto condition = arguments.condition.read();
  if (!condition) return report(context, condition.error());
  if (arguments.ttl_option->count() > 0 && arguments.ttl.count() == 0) {
    return report(context, Error{ErrorCode::invalid_argument,
                                 Outcome::not_applied,
                                 "--ttl must be at least 1ms; leave it away for a key that does not expire",
                                 {}});
  }
  const auto value = arguments.value.read(context);
  if (!value) return report(context, value.error());
  const auto client = shared_client(context);
  if (!client) return report(context, client.error());
  const PutOptions options{
      .ttl = arguments.ttl, .keep_ttl = arguments.keep_ttl, .condition = *condition, .deadline = {}};
  return print_version(context, arguments.key, (*client)->put(arguments.key, *value, options));
}

void add_put(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<PutArguments>();
  auto* command = app.add_subcommand("put", "Store a value")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key")->required();
  arguments->value.add_to(*command);
  arguments->ttl_option = add_duration(*command, "--ttl", arguments->ttl, "Let it expire after this long");
  command->add_flag("--keep-ttl", arguments->keep_ttl, "Keep the expiry the key has now")
      ->excludes(arguments->ttl_option);
  arguments->condition.add_to(*command);
  command->callback([&context, arguments] { context.exit_code = put(context, *arguments); });
}

struct DelArguments {
  std::string key;
  std::string version;
};

int del(Context& context, const DelArguments& arguments) {
  DelOptions options;
  if (!arguments.version.empty()) {
    const auto version = parse_version(arguments.version);
    if (!version) return report_write(context, version.error());
    options.condition = Condition::if_version(*version);
  }
  const auto client = shared_client(context);
  if (!client) return report(context, client.error());
  const auto existed = (*client)->del(arguments.key, options);
  if (!existed) return report_write(context, existed.error());
  print_outcome(context, arguments.key, {{"deleted", *existed}}, *existed ? "deleted" : "there was no such key");
  return *existed ? kExitOk : kExitNegative;
}

void add_del(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DelArguments>();
  auto* command = app.add_subcommand("del", "Delete a key")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key")->required();
  command->add_option("--if-version", arguments->version, "Only if the key still has this version")
      ->type_name("TERM:SEQ");
  command->callback([&context, arguments] { context.exit_code = del(context, *arguments); });
}

struct CasArguments {
  std::string key;
  std::string version;
  ValueSource value;
};

int cas(Context& context, const CasArguments& arguments) {
  const auto expected = parse_version(arguments.version);
  if (!expected) return report(context, expected.error());
  const auto value = arguments.value.read(context);
  if (!value) return report(context, value.error());
  const auto client = shared_client(context);
  if (!client) return report(context, client.error());
  return print_version(context, arguments.key, (*client)->cas(arguments.key, *expected, *value));
}

void add_cas(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CasArguments>();
  auto* command =
      app.add_subcommand("cas", "Store a value if the key still has a version (compare and swap)")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key")->required();
  command->add_option("VERSION", arguments->version, "As `put` and `get --json` print it, such as 3:1042")->required();
  arguments->value.add_to(*command);
  command->callback([&context, arguments] { context.exit_code = cas(context, *arguments); });
}

struct IncrArguments {
  std::string key;
  std::int64_t delta = 1;
};

int incr(const Context& context, Client& client, const IncrArguments& arguments) {
  const auto sum = client.incr(arguments.key, arguments.delta);
  if (!sum) return report_write(context, sum.error());
  print_outcome(context, arguments.key, {{"value", *sum}}, std::to_string(*sum));
  return kExitOk;
}

void add_incr(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<IncrArguments>();
  auto* command = app.add_subcommand("incr", "Add to a decimal number and print the sum")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key; absent counts as 0")->required();
  add_int64(*command, "DELTA", arguments->delta, "What to add; may be negative")->default_str("1");
  command->callback([&context, arguments] {
    with_client(context, [&](Client& client) { return incr(context, client, *arguments); });
  });
}

struct ExpireArguments {
  std::string key;
  milliseconds ttl{0};
};

void add_expire(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ExpireArguments>();
  auto* command = app.add_subcommand("expire", "Let a key expire")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key")->required();
  add_duration(*command, "DURATION", arguments->ttl, "After this long, such as 90s")->required();
  command->callback([&context, arguments] {
    with_client(context, [&](Client& client) {
      return print_version(context, arguments->key, client.expire(arguments->key, arguments->ttl));
    });
  });
}

int persist(const Context& context, Client& client, const std::string& key) {
  const auto removed = client.persist(key);
  if (!removed) return report_write(context, removed.error());
  print_outcome(context, key, {{"removed", *removed}}, *removed ? "lives until deleted" : "it had no expiry");
  return kExitOk;
}

void add_persist(CLI::App& app, Context& context) {
  auto key = std::make_shared<std::string>();
  auto* command = app.add_subcommand("persist", "Remove the expiry of a key")->group(kKvGroup);
  command->add_option("KEY", *key, "The key")->required();
  command->callback(
      [&context, key] { with_client(context, [&](Client& client) { return persist(context, client, *key); }); });
}

}  // namespace

void add_write_commands(CLI::App& app, Context& context) {
  add_put(app, context);
  add_del(app, context);
  add_cas(app, context);
  add_incr(app, context);
  add_expire(app, context);
  add_persist(app, context);
}

}  // namespace gyre::cli
