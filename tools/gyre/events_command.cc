// `gyre events`: what happened in the cluster and why, in order.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include <fmt/color.h>
#include <fmt/core.h>

#include "tools/gyre/event_text.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using messages::ClusterEvent;

constexpr auto kFollowInterval = 200ms;

struct EventsOptions {
  bool follow = false;
  std::size_t count = 50;
};

fmt::text_style style_of(const std::string& kind) {
  switch (tone_of_event(kind)) {
    case Tone::bad: return fmt::fg(fmt::terminal_color::red);
    case Tone::warning: return fmt::fg(fmt::terminal_color::yellow);
    case Tone::good: return fmt::fg(fmt::terminal_color::green);
    case Tone::plain: return {};
  }
  return {};
}

void print(const Context& context, const ClusterEvent& event) {
  if (context.json) {
    return print_json({{"id", event.id},
                       {"time_ms", event.time.value},
                       {"kind", event.kind},
                       {"node", event.node.empty() ? Json(nullptr) : Json(event.node.str())},
                       {"detail", event.detail}});
  }
  const std::string kind = fmt::format("{:<18}", event.kind);
  print_line(fmt::format("{}  {} {:<8} {}", clock_text(event.time),
                         stdout_in_colours() ? fmt::format(style_of(event.kind), "{}", kind) : kind,
                         event.node.empty() ? "-" : event.node.str(), event.detail));
}

Result<void> events(const Context& context, const EventsOptions& options) {
  GYRE_TRY_SET(ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const auto past, events_behind(source, 0, context.deadline));
  const std::size_t first = past.size() - std::min(past.size(), options.count);
  for (std::size_t i = first; i < past.size(); ++i) print(context, past[i]);
  std::fflush(stdout);
  std::uint64_t after = past.empty() ? 0 : past.back().id;
  const InterruptGuard guard;
  while (options.follow && !interrupted() && !std::ferror(stdout)) {
    std::this_thread::sleep_for(kFollowInterval);
    // A coordinator that is away comes back: nothing that it recorded is missed.
    const auto news = events_behind(source, after, context.deadline);
    if (!news || news->empty()) continue;
    for (const ClusterEvent& event : *news) print(context, event);
    after = news->back().id;
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

void add_events_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("events", "Tell what happened in the cluster and why, in order");
  auto options = std::make_shared<EventsOptions>();
  command->add_flag("-f,--follow", options->follow, "Go on with what happens from now on");
  command->add_option("-n,--count", options->count, "Newest events to begin with")->capture_default_str();
  command->footer(R"(
A failover reads: suspected, sealed, promoted, serving; and once the old primary is back: node_rejoined, rewound,
lost_writes (how many), in_sync_changed.
Moves read: rebalance_planned, member_added, caught_up, handed_over, member_removed, retired (its data is deleted),
rebalance_done.

Examples:
  gyre events -n 20          the newest twenty
  gyre events -f             watch, while `gyre cluster kill n1` runs elsewhere
  gyre events --json         one object a line)");
  on_chosen(command, context, [&context, options] { return events(context, *options); });
}

}  // namespace gyre::cli
