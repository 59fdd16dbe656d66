// `gyre hot`: the busiest partitions and keys.
#include <algorithm>
#include <memory>

#include <fmt/core.h>

#include "base/limits.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/hot_view.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

// A key may be spread over the members of its partition: each node is asked for more than are shown, so that their sums
// are in the right order.
constexpr std::size_t kKeysAskedFactor = 4;

Result<void> hot(const Context& context, const HotLimits& limits) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  const messages::HotRequest request{
      static_cast<std::uint32_t>(std::min(limits.keys * kKeysAskedFactor, limits::kHotKeysPageMax))};
  std::vector<messages::HotResponse> answers;
  std::vector<NodeId> silent;
  for (auto& [node, answer] : ask_nodes(*source.map, request, context.deadline)) {
    auto* response = answer ? std::get_if<messages::HotResponse>(&*answer) : nullptr;
    if (response == nullptr) {
      silent.push_back(node.id);
    } else {
      answers.push_back(std::move(*response));
    }
  }
  if (answers.empty()) return fail(ErrorCode::unavailable, "no node says what is hot: is any of them up?");
  HotView view = merge_hot(answers);
  view.silent = std::move(silent);
  if (context.json) {
    print_json(hot_json(view, *source.map, limits));
  } else {
    fmt::print("{}", hot_text(view, *source.map, limits));
  }
  return {};
}

}  // namespace

void add_hot_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("hot", "List the busiest partitions and keys");
  auto limits = std::make_shared<HotLimits>();
  command->add_option("--keys", limits->keys, "So many keys")
      ->check(CLI::Range(std::size_t{0}, limits::kHotKeysPageMax))
      ->capture_default_str();
  command->add_option("--partitions", limits->partitions, "So many partitions")
      ->check(CLI::Range(std::size_t{0}, std::size_t{limits::kSlots}))
      ->capture_default_str();
  command->footer(R"(
Over the last seconds. Keys are counted in bounded memory, so that a figure may be too high: AT LEAST is what is sure.
A hot key cannot be split; hot partitions are spread by `gyre cluster set --spread-hot on`.)");
  on_chosen(command, context, [&context, limits] { return hot(context, *limits); });
}

}  // namespace gyre::cli
