#include "tools/gyre/watch_command.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <unistd.h>

#include <fmt/format.h>

#include "tools/gyre/cluster_source.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/render.h"
#include "tools/gyre/terminal.h"
#include "tools/gyre/watch_feed.h"
#include "tools/gyre/watch_view.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kKeyWait = 100ms;  // also how soon a new size of the terminal is noticed
constexpr auto kIntervalMin = 100ms;

struct WatchOptions {
  std::chrono::milliseconds interval{1000};
  bool once = false;
  std::uint64_t count = 0;  // frames; 0: without end
  std::string size;
};

// "80x24". ERRORS: invalid_argument.
Result<TerminalSize> parse_size_of(const std::string& text) {
  constexpr std::size_t kMax = 1000;
  TerminalSize size;
  const char* const end = text.data() + text.size();
  const auto columns = std::from_chars(text.data(), end, size.columns);
  const bool crossed = columns.ec == std::errc() && columns.ptr != end && *columns.ptr == 'x';
  const auto rows = crossed ? std::from_chars(columns.ptr + 1, end, size.rows) : columns;
  const bool fits = size.columns >= 1 && size.columns <= kMax && size.rows >= 1 && size.rows <= kMax;
  if (crossed && rows.ec == std::errc() && rows.ptr == end && fits) return size;
  return fail(ErrorCode::invalid_argument,
              fmt::format("--size '{}' is no size: write columns and rows, such as 80x24", text.substr(0, 40)));
}

// Frames as text, one below the other: for files, pipes and recordings.
Result<void> print_frames(const Context& context, WatchEyes eyes, const WatchOptions& options, TerminalSize size,
                          std::uint64_t count) {
  const InterruptGuard guard;
  for (std::uint64_t i = 0; (count == 0 || i < count) && !interrupted() && !std::ferror(stdout); ++i) {
    const auto begun = std::chrono::steady_clock::now();
    const WatchState state = eyes.look(answer_limit(options.interval));
    if (context.json) {
      print_json(watch_json(state));
    } else {
      for (const auto& line : watch_frame(state, size, false, false)) print_line(line);
      if (count != 1) print_line("");
    }
    std::fflush(stdout);
    while (i + 1 != count && std::chrono::steady_clock::now() - begun < options.interval && !interrupted()) {
      std::this_thread::sleep_for(20ms);
    }
  }
  return {};
}

void watch_live(WatchEyes eyes, const WatchOptions& options) {
  const InterruptGuard guard;
  const bool colours = stdout_in_colours();
  WatchFeed feed(std::move(eyes), options.interval);
  FullScreen screen;  // leaves the screen before the feed's last answers are waited for
  std::optional<WatchState> state;
  TerminalSize drawn{0, 0};
  std::uint64_t frames = 0;
  while (!interrupted()) {
    auto news = feed.news();
    const TerminalSize size = terminal_size(stdout);
    if (news) {
      state = std::move(news);
      ++frames;
    } else if (size == drawn) {
      const auto key = screen.key(kKeyWait);
      if (key == 'q' || key == 'Q') return;
      continue;
    }
    const auto lines = state ? watch_frame(*state, size, colours, true) : std::vector<std::string>{" Looking ..."};
    if (!screen.draw(lines)) return;
    drawn = size;
    if (options.count > 0 && frames >= options.count) return;
  }
}

Result<void> watch(const Context& context, const WatchOptions& options) {
  if (options.interval < kIntervalMin) {
    return fail(ErrorCode::invalid_argument, "--interval is too short: 100ms is the least");
  }
  TerminalSize size = terminal_size(stdout);
  if (!options.size.empty()) {
    GYRE_TRY_SET(size, parse_size_of(options.size));
  }
  GYRE_TRY_SET(ClusterSource source, find_answering_source(context));
  WatchEyes eyes(context, std::move(source));
  const bool as_text = options.once || context.json || !options.size.empty() || isatty(STDOUT_FILENO) != 1;
  if (as_text) return print_frames(context, std::move(eyes), options, size, options.once ? 1 : options.count);
  watch_live(std::move(eyes), options);
  return {};
}

}  // namespace

void add_cluster_watch(CLI::App* cluster, Context& context) {
  auto* command = cluster->add_subcommand("watch", "Show the cluster live: ring, nodes, moves, throughput, events");
  auto options = std::make_shared<WatchOptions>();
  add_duration(*command, "--interval", options->interval, "Look so often")->default_str("1s");
  command->add_flag("--once", options->once, "Print one frame as text and end");
  command->add_option("--count", options->count, "End after so many frames [never]");
  command->add_option("--size", options->size, "Print frames as text, of this size [the terminal's]")
      ->type_name("COLUMNSxROWS");
  command->footer(R"(
`q` or Ctrl-C ends it. Every partition of the ring has the colour of its primary's node. Where standard output is no
terminal, frames are printed as text, one below the other; with --json, an object for each.

Examples:
  gyre cluster watch                                    while `gyre chaos run` goes on elsewhere
  gyre cluster watch --once --size 200x60               one large frame, as text
  gyre cluster watch --count 60 --size 80x24 > film.txt   a minute of it)");
  on_chosen(command, context, [&context, options] { return watch(context, *options); });
}

}  // namespace gyre::cli
