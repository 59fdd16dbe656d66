#include "tools/gyre/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto kRedrawEvery = 200ms;
constexpr auto kLineEvery = 5s;

// A longer line would wrap, and be drawn again below instead of over itself.
std::size_t stderr_columns() {
  constexpr std::size_t kUsual = 80;
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

std::string bar(double fraction) {
  constexpr std::size_t kWidth = 10;
  const auto filled = static_cast<std::size_t>(fraction * kWidth);
  std::string text(filled, '=');
  if (filled < kWidth) text += '>';
  text.resize(kWidth, ' ');
  return fmt::format("[{}] {:3.0f}%  ", text, fraction * 100);
}

}  // namespace

std::string progress_text(const ProgressState& state) {
  const double seconds = std::max(state.elapsed.count(), 1e-3);
  const double bytes_rate = static_cast<double>(state.bytes) / seconds;
  std::string text;
  if (state.bytes_total && *state.bytes_total > 0) {
    const auto done = static_cast<double>(state.bytes_before + state.bytes);
    text = bar(std::min(1.0, done / static_cast<double>(*state.bytes_total)));
  }
  if (state.bytes_total && bytes_rate > 0) {
    const auto done = std::min(state.bytes_before + state.bytes, *state.bytes_total);
    const auto left = static_cast<std::uint64_t>(static_cast<double>(*state.bytes_total - done) / bytes_rate);
    text += fmt::format("ETA {}:{:02}  ", left / 60, left % 60);
  }
  text += fmt::format(
      "{} records  {}  {}/s  {}/s", with_commas(state.records), human_bytes(static_cast<double>(state.bytes)),
      with_commas(static_cast<std::uint64_t>(static_cast<double>(state.records) / seconds)), human_bytes(bytes_rate));
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
    fmt::print(stderr, "\r{}{}", text.substr(0, stderr_columns() - 1), kClearToEndOfLine);
    line_begun_ = true;
  } else {
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
}

}  // namespace gyre::cli
