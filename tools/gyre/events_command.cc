// `gyre events`: what happened in the cluster and why, in order.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <iterator>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/color.h>
#include <fmt/core.h>

#include "tools/gyre/cluster_source.h"
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

// "12:04:31.207", in local time.
std::string clock_of(UnixMillis time) {
  const std::time_t seconds = time.value / 1000;
  return fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(seconds), time.value % 1000);
}

// What an operator should notice stands out.
fmt::text_style style_of(const std::string& kind) {
  using fmt::terminal_color;
  if (kind == "lost_writes" || kind == "no_candidate" || kind.ends_with("failed")) return fmt::fg(terminal_color::red);
  if (kind == "suspected" || kind == "sealed" || kind == "node_down" || kind == "rewound") {
    return fmt::fg(terminal_color::yellow);
  }
  if (kind == "promoted" || kind == "serving" || kind == "node_up" || kind == "node_rejoined") {
    return fmt::fg(terminal_color::green);
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
  print_line(fmt::format("{}  {} {:<8} {}", clock_of(event.time),
                         stdout_in_colours() ? fmt::format(style_of(event.kind), "{}", kind) : kind,
                         event.node.empty() ? "-" : event.node.str(), event.detail));
}

Result<messages::EventsResponse> ask(const Context& context, const ClusterSource& source, std::uint64_t after) {
  GYRE_TRY_SET(auto answer, ask_coordinator(source, messages::EventsRequest{after}, context.deadline));
  if (auto* events = std::get_if<messages::EventsResponse>(&answer)) return std::move(*events);
  return fail(ErrorCode::unsupported, "the coordinator keeps no events: it is of an older version");
}

// Everything behind `after`, up to now.
Result<std::vector<ClusterEvent>> all_behind(const Context& context, const ClusterSource& source, std::uint64_t after) {
  std::vector<ClusterEvent> events;
  for (bool more = true; more;) {
    GYRE_TRY_SET(auto page, ask(context, source, events.empty() ? after : events.back().id));
    more = page.more && !page.events.empty();
    std::ranges::move(page.events, std::back_inserter(events));
  }
  return events;
}

Result<void> events(const Context& context, const EventsOptions& options) {
  GYRE_TRY_SET(ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const auto past, all_behind(context, source, 0));
  const std::size_t first = past.size() - std::min(past.size(), options.count);
  for (std::size_t i = first; i < past.size(); ++i) print(context, past[i]);
  std::fflush(stdout);
  std::uint64_t after = past.empty() ? 0 : past.back().id;
  const InterruptGuard guard;
  while (options.follow && !interrupted() && !std::ferror(stdout)) {
    std::this_thread::sleep_for(kFollowInterval);
    // A coordinator that is away comes back: nothing that it recorded is missed.
    const auto news = all_behind(context, source, after);
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

Examples:
  gyre events -n 20          the newest twenty
  gyre events -f             watch, while `gyre cluster kill n1` runs elsewhere
  gyre events --json         one object a line)");
  on_chosen(command, context, [&context, options] { return events(context, *options); });
}

}  // namespace gyre::cli
