#include "tools/gyre/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tools/gyre/render.h"
#include "tools/gyre/terminal.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto kRedrawEvery = 200ms;

}  // namespace

std::string bar_of(double fraction, std::size_t width) {
  const double part = std::clamp(fraction, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(width));
  std::string text(filled, '=');
  if (filled < width) text += '>';
  text.resize(width, ' ');
  return fmt::format("[{}]", text);
}

std::string minutes_text(std::uint64_t seconds) { return fmt::format("{}:{:02}", seconds / 60, seconds % 60); }

std::string progress_text(const ProgressState& state) {
  const double seconds = std::max(state.elapsed.count(), 1e-3);
  const double bytes_rate = static_cast<double>(state.bytes) / seconds;
  std::string text;
  if (state.bytes_total && *state.bytes_total > 0) {
    const auto done = static_cast<double>(state.bytes_before + state.bytes);
    const double fraction = std::min(1.0, done / static_cast<double>(*state.bytes_total));
    text = fmt::format("{} {:3.0f}%  ", bar_of(fraction, kBarWidth), fraction * 100);
  }
  if (state.bytes_total && bytes_rate > 0) {
    const auto done = std::min(state.bytes_before + state.bytes, *state.bytes_total);
    const auto left = static_cast<std::uint64_t>(static_cast<double>(*state.bytes_total - done) / bytes_rate);
    text += fmt::format("ETA {}  ", minutes_text(left));
  }
  text += fmt::format("{} records  {}  {}/s  {}/s", with_commas(state.records), bytes_text(state.bytes),
                      with_commas(static_cast<std::uint64_t>(static_cast<double>(state.records) / seconds)),
                      human_bytes(bytes_rate));
  return text;
}

Progress::Progress(bool on_terminal) : on_terminal_(on_terminal) {}

void Progress::set_total(std::uint64_t bytes_before, std::uint64_t bytes_total) {
  state_.bytes_before = bytes_before;
  state_.bytes_total = bytes_total;
}

void Progress::update(std::uint64_t records, std::uint64_t bytes) {
  state_.records = records;
  state_.bytes = bytes;
  const auto now = Clock::now();
  if (now - drawn_ < (on_terminal_ ? Clock::duration(kRedrawEvery) : Clock::duration(kLineEvery))) return;
  drawn_ = now;
  draw();
}

void Progress::finish() {
  if (line_begun_) {
    draw();
    std::fputc('\n', stderr);
  }
}

double Progress::seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

void Progress::draw() {
  state_.elapsed = Clock::now() - begun_;
  const auto text = progress_text(state_);
  if (on_terminal_) {
    // A longer line would wrap, and be drawn again below instead of over itself.
    fmt::print(stderr, "\r{}{}", text.substr(0, terminal_size(stderr).columns - 1), kClearToEndOfLine);
    line_begun_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

}  // namespace gyre::cli
