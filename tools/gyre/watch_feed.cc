#include "tools/gyre/watch_feed.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

#include <fmt/chrono.h>

#include "tools/gyre/event_text.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHistoryMax = 300;
constexpr std::size_t kEventsKept = 200;

std::string clock_now() { return fmt::format("{:%H:%M:%S}", fmt::localtime(std::time(nullptr))); }

}  // namespace

Duration answer_limit(std::chrono::milliseconds interval) {
  return std::clamp<Duration>(interval / 2, 300ms, kSourceAnswerLimit);
}

WatchState WatchEyes::look(Duration limit) {
  // A cluster that does not answer for a moment is drawn by the map known.
  auto source = find_source(context_, limit);
  if (source) {
    if (!source->map) source->map = source_.map;
    source_ = std::move(*source);
  }
  std::optional<messages::MovesResponse> moves;
  if (source_.map) {
    auto answer = ask_coordinator_for<messages::MovesResponse>(source_, messages::MovesRequest{}, limit);
    if (answer) moves = std::move(*answer);
    if (moves) look_for_events(limit);
  }
  WatchState state = watch_state(look_at_cluster(source_, limit), moves, clock_now());
  if (moves) history_.push_back(state.reads_per_second() + state.writes_per_second());
  if (history_.size() > kHistoryMax) history_.pop_front();
  state.history.assign(history_.begin(), history_.end());
  state.events = events_;
  return state;
}

void WatchEyes::look_for_events(Duration limit) {
  auto news = events_behind(source_, last_event_, limit);
  if (!news || news->empty()) return;
  last_event_ = news->back().id;
  std::ranges::move(*news, std::back_inserter(events_));
  if (events_.size() > kEventsKept) {
    events_.erase(events_.begin(), events_.end() - static_cast<std::ptrdiff_t>(kEventsKept));
  }
}

WatchFeed::WatchFeed(WatchEyes eyes, std::chrono::milliseconds interval)
    : eyes_(std::move(eyes)), interval_(interval), thread_([this](std::stop_token stop) { run(std::move(stop)); }) {}

std::optional<WatchState> WatchFeed::news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, std::nullopt);
}

void WatchFeed::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    WatchState state = eyes_.look(answer_limit(interval_));
    std::unique_lock lock(mutex_);
    news_ = std::move(state);
    woken_.wait_for(lock, stop, interval_, [] { return false; });
  }
}

}  // namespace gyre::cli
