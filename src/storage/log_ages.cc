#include "storage/log_ages.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/assert.h"
#include "storage/checksum_line.h"

namespace gyre::storage {
namespace {

constexpr std::string_view kMagic = "gyre log ages 1\n";
constexpr std::string_view kBoot = "boot ";

// Takes the next line off the front of the text. None: there is no whole one.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

bool LogAges::note(std::uint64_t number, Instant now) {
  if (!notes_.empty() && number <= notes_.back().number) return false;
  if (!notes_.empty()) now = std::max(now, notes_.back().at);
  notes_.push_back({number, now});
  while (notes_.size() > 1 && now - notes_[1].at >= life_) notes_.pop_front();
  return true;
}

std::uint64_t LogAges::old_through(Instant now) const {
  std::uint64_t old = 0;
  for (const Note& note : notes_) {
    if (now - note.at >= life_) old = note.number;
  }
  return old;
}

std::string LogAges::encode(std::string_view boot) const {
  std::string text = fmt::format("{}{}{}\n", kMagic, kBoot, boot);
  for (const Note& note : notes_) text += fmt::format("{} {}\n", note.number, note.at.time_since_epoch().count());
  return text + checksum_line(text);
}

void LogAges::recall(std::string_view text, std::string_view boot) {
  GYRE_ASSERT(notes_.empty());
  const auto written = without_checksum(text);
  if (!written || !written->starts_with(kMagic)) return;
  std::string_view body = *written;
  body.remove_prefix(kMagic.size());
  if (take_line(body) != fmt::format("{}{}", kBoot, boot)) return;
  while (const auto line = take_line(body)) {
    std::uint64_t number = 0;
    std::int64_t at = 0;
    const auto [space, bad_number] = std::from_chars(line->data(), line->data() + line->size(), number);
    if (bad_number != std::errc() || space == line->data() + line->size()) return;
    if (std::from_chars(space + 1, line->data() + line->size(), at).ec != std::errc()) return;
    note(number, Instant(Duration(at)));
  }
}

}  // namespace gyre::storage
