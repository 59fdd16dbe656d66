// Tells the person in front of the terminal how far a long command has come.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace gyre::cli {

// Ends a line that is drawn over an older one on a terminal.
inline constexpr const char* kClearToEndOfLine = "\033[K";

struct ProgressState {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_before = 0;            // done by an earlier run: count for the bar, not for the rate
  std::optional<std::uint64_t> bytes_total;  // none: unknown, so neither bar nor ETA
  std::chrono::duration<double> elapsed{0};
};

// Between the brackets of the bar that stands for the whole.
inline constexpr std::size_t kBarWidth = 10;
// Between two lines that say how far it is, where they go to no terminal.
inline constexpr auto kLineEvery = std::chrono::seconds(5);

// "[==>       ]": `width` characters between the brackets.
std::string bar_of(double fraction, std::size_t width);
// "0:06", "12:30"
std::string minutes_text(std::uint64_t seconds);

// "[=====>    ]  52%  ETA 0:02  1,234 records  3.1 MiB  611/s  1.5 MiB/s": what matters most comes first, since a
// narrow terminal shows only the beginning.
std::string progress_text(const ProgressState& state);

// On a terminal one line that is redrawn; else a line every few seconds. To standard error.
class Progress {
 public:
  explicit Progress(bool on_terminal);

  // Cheap enough to be called for every record.
  void update(std::uint64_t records, std::uint64_t bytes);
  void set_total(std::uint64_t bytes_before, std::uint64_t bytes_total);
  // Ends the line that is being redrawn.
  void finish();
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  void draw();

  bool on_terminal_;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point drawn_ = begun_;
  bool line_begun_ = false;  // on the terminal
  ProgressState state_;
};

}  // namespace gyre::cli
