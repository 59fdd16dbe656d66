#include "tools/gyre/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "tools/gyre/progress.h"

namespace gyre::cli {
namespace {

// SOURCE: xterm control sequences (ctlseqs): DECSET 1049 other screen, 25 cursor, 2026 synchronized update (terminals
// that do not know the last one ignore it).
constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[2J";
constexpr std::string_view kLeave = "\033[0m\033[?25h\033[?1049l";
constexpr std::string_view kBeginFrame = "\033[?2026h\033[H";
constexpr std::string_view kEndFrame = "\033[J\033[?2026l";

bool write_out(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return otherwise;
  std::size_t value = 0;
  const std::string_view view(text);
  const auto read = std::from_chars(view.data(), view.data() + view.size(), value);
  return read.ec == std::errc() && value > 0 ? value : otherwise;
}

}  // namespace

TerminalSize terminal_size(std::FILE* file) {
  winsize size{};
  if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    return {size.ws_col, size.ws_row};
  }
  const TerminalSize usual;
  return {from_environment("COLUMNS", usual.columns), from_environment("LINES", usual.rows)};
}

FullScreen::FullScreen() : keys_(isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &before_) == 0) {
  if (keys_) {
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE;  // Ctrl-Z would leave the shell with this screen
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  write_out(kEnter);
}

FullScreen::~FullScreen() {
  write_out(kLeave);
  if (keys_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);  // what was typed is not meant for the shell
}

bool FullScreen::draw(const std::vector<std::string>& lines) {
  std::string frame(kBeginFrame);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    frame += lines[i];
    frame += kClearToEndOfLine;
    if (i + 1 < lines.size()) frame += "\r\n";
  }
  frame += kEndFrame;
  return write_out(frame);
}

std::optional<char> FullScreen::key(std::chrono::milliseconds limit) {
  pollfd wanted{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const int ready = ::poll(&wanted, keys_ ? 1 : 0, static_cast<int>(limit.count()));
  char pressed = 0;
  if (ready <= 0) return std::nullopt;
  if (::read(STDIN_FILENO, &pressed, 1) != 1) {
    keys_ = false;  // the terminal is gone: it would be ready for ever
    return std::nullopt;
  }
  return pressed;
}

}  // namespace gyre::cli
