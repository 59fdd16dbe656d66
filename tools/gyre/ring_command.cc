// The command `ring simulate`.
#include <charconv>
#include <memory>

#include <fmt/format.h>

#include "tools/gyre/command.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/ring_simulate.h"

namespace gyre::cli {

namespace {

Result<std::vector<double>> parse_weights(const std::string& text) {
  std::vector<double> weights;
  for (const std::string& part : split_list(text)) {
    double weight = 0;
    const char* const end = part.data() + part.size();
    const auto parsed = std::from_chars(part.data(), end, weight);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return fail(ErrorCode::invalid_argument, fmt::format("--weights has '{}': give numbers such as 1,2,0.5", part));
    }
    weights.push_back(weight);
  }
  return weights;
}

Result<void> simulate(const Context& context, RingSimulateOptions options, const std::string& weights,
                      const std::string& zones) {
  GYRE_TRY_SET(options.weights, parse_weights(weights));
  options.zones = split_list(zones);
  GYRE_TRY_SET(const RingChange change, ring_change(options));
  const auto figures = simulate_ring(options, change);
  if (context.json) {
    print_json(ring_json(figures));
  } else {
    fmt::print("{}", ring_text(options, figures));
  }
  return {};
}

struct SimulateArguments {
  RingSimulateOptions options;
  std::string weights;
  std::string zones;
};

}  // namespace

void add_ring_commands(CLI::App& app, Context& context) {
  auto* ring = app.add_subcommand("ring", "Look into placement")->group("Tools");
  ring->require_subcommand(1);
  auto* command = ring->add_subcommand("simulate", "Compare Gyre's placement with a plain ring, jump and rendezvous");
  auto arguments = std::make_shared<SimulateArguments>();
  RingSimulateOptions& options = arguments->options;
  command->add_option("--nodes", options.nodes, "How many nodes there are first")->capture_default_str();
  command->add_option("--partitions", options.partitions, "A power of two")->capture_default_str();
  command->add_option("--rf", options.replication_factor, "Copies of each partition")->capture_default_str();
  command->add_option("--join", options.join, "So many nodes join")->capture_default_str();
  command->add_option("--leave", options.leave, "So many of the first nodes leave, drawn by --seed")
      ->capture_default_str();
  command->add_option("--weights", arguments->weights, "One for each node; those that join weigh 1 unless given too")
      ->type_name("1,2,...");
  command->add_option("--zones", arguments->zones, "Given to the nodes in turn, over and over")->type_name("a,b,...");
  command->add_option("--keys", options.keys, "How many random keys to place")->capture_default_str();
  command->add_option("--seed", options.seed, "Same seed, same keys and same leavers")->capture_default_str();
  command->callback([&context, arguments] {
    const auto done = simulate(context, arguments->options, arguments->weights, arguments->zones);
    context.exit_code = done ? kExitOk : report(context, done.error());
  });
}

}  // namespace gyre::cli
