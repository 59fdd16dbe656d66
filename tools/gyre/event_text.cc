#include "tools/gyre/event_text.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/core.h>

namespace gyre::cli {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kBad = {"lost_writes"sv, "no_candidate"sv, "node_dead"sv, "node_refused"sv};
constexpr std::array kWarning = {"suspected"sv, "sealed"sv,  "node_down"sv,
                                 "node_away"sv, "rewound"sv, "store_behind"sv};
constexpr std::array kGood = {"promoted"sv,      "serving"sv,       "node_up"sv,       "node_rejoined"sv,
                              "node_admitted"sv, "node_returned"sv, "rebalance_done"sv};

}  // namespace

Tone tone_of_event(std::string_view kind) {
  if (kind.ends_with("failed") || std::ranges::find(kBad, kind) != kBad.end()) return Tone::bad;
  if (std::ranges::find(kWarning, kind) != kWarning.end()) return Tone::warning;
  if (std::ranges::find(kGood, kind) != kGood.end()) return Tone::good;
  return Tone::plain;
}

std::string clock_text(UnixMillis time) {
  const std::time_t seconds = time.value / 1000;
  return fmt::format("{:%H:%M:%S}.{:03}", fmt::localtime(seconds), time.value % 1000);
}

Result<std::vector<messages::ClusterEvent>> events_behind(const ClusterSource& source, std::uint64_t after,
                                                          Duration limit) {
  std::vector<messages::ClusterEvent> events;
  for (bool more = true; more;) {
    const std::uint64_t last = events.empty() ? after : events.back().id;
    GYRE_TRY_SET(auto page,
                 ask_coordinator_for<messages::EventsResponse>(source, messages::EventsRequest{last}, limit));
    more = page.more && !page.events.empty();
    std::ranges::move(page.events, std::back_inserter(events));
  }
  return events;
}

}  // namespace gyre::cli
