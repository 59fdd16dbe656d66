#include "coordinator/event_log.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/limits.h"

namespace gyre::coordinator {

namespace {

using nlohmann::json;

constexpr const char* kFile = "events.jsonl";
constexpr const char* kOlderFile = "events.1.jsonl";

std::string line_of(const messages::ClusterEvent& event) {
  const json line{{"id", event.id},
                  {"time_ms", event.time.value},
                  {"kind", event.kind},
                  {"node", event.node.str()},
                  {"detail", event.detail}};
  return line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

// None: no event of ours.
std::optional<messages::ClusterEvent> read_line(const std::string& text) {
  const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto has = [&](const char* name, auto is) { return line.contains(name) && (line[name].*is)(); };
  if (!line.is_object() || !has("id", &json::is_number_unsigned) || !has("time_ms", &json::is_number_integer) ||
      !has("kind", &json::is_string) || !has("node", &json::is_string) || !has("detail", &json::is_string)) {
    return std::nullopt;
  }
  messages::ClusterEvent event{.id = line["id"].get<std::uint64_t>(),
                               .time = {line["time_ms"].get<std::int64_t>()},
                               .kind = line["kind"].get<std::string>(),
                               .node = {},
                               .detail = line["detail"].get<std::string>()};
  const std::string node = line["node"].get<std::string>();
  if (!node.empty() && !NodeId::valid(node)) return std::nullopt;
  if (!node.empty()) event.node = NodeId(node);
  return event;
}

}  // namespace

Result<EventLog> EventLog::open(std::filesystem::path directory) {
  EventLog log(std::move(directory));
  GYRE_TRY(log.load(log.directory_ / kOlderFile));
  log.in_file_ = 0;
  GYRE_TRY(log.load(log.directory_ / kFile));
  return log;
}

Result<void> EventLog::load(const std::filesystem::path& file) {
  torn_ = false;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  std::ifstream in(file);
  for (std::string text; std::getline(in, text); ++in_file_) {
    torn_ = in.eof();  // the last line, without its end
    const auto event = read_line(text);
    if (!event || event->id <= last_id_) {
      ++passed_over_;
      continue;
    }
    last_id_ = event->id;
    events_.push_back(*event);
    if (events_.size() > limits::kEventsKeptMax) events_.pop_front();
  }
  if (in.bad()) return fail(ErrorCode::storage_failed, fmt::format("cannot read {}", file.string()));
  return {};
}

const messages::ClusterEvent& EventLog::add(messages::ClusterEvent event) {
  event.id = ++last_id_;
  unwritten_ += line_of(event);
  events_.push_back(std::move(event));
  if (events_.size() > limits::kEventsKeptMax) events_.pop_front();
  return events_.back();
}

std::string EventLog::take_unwritten() { return std::exchange(unwritten_, {}); }

Result<void> EventLog::write(const std::string& lines) {
  if (in_file_ >= limits::kEventsKeptMax) GYRE_TRY(rotate());
  std::ofstream out(directory_ / kFile, std::ios::app);
  if (torn_) out << '\n';
  out << lines << std::flush;
  torn_ = !out;
  if (!out) {
    return fail(ErrorCode::storage_failed, fmt::format("cannot write {}", (directory_ / kFile).string()));
  }
  in_file_ += static_cast<std::size_t>(std::ranges::count(lines, '\n'));
  return {};
}

Result<void> EventLog::rotate() {
  std::error_code error;
  std::filesystem::rename(directory_ / kFile, directory_ / kOlderFile, error);
  if (error) return fail(ErrorCode::storage_failed, fmt::format("cannot rename {}", (directory_ / kFile).string()));
  in_file_ = 0;
  return {};
}

messages::EventsResponse EventLog::page(std::uint64_t after) const {
  const auto first = std::ranges::upper_bound(events_, after, {}, &messages::ClusterEvent::id);
  const auto available = static_cast<std::size_t>(events_.end() - first);
  messages::EventsResponse response;
  response.events.assign(first, first + static_cast<std::ptrdiff_t>(std::min(available, limits::kEventsPageItemsMax)));
  response.more = available > limits::kEventsPageItemsMax;
  return response;
}

}  // namespace gyre::coordinator
