#include "storage/identity.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "storage/checksum_line.h"

namespace gyre::storage {
namespace {

constexpr std::string_view kNone = "-";
constexpr std::string_view kWhatIsSynced = "what-is-synced";
constexpr std::string_view kMaybe = "maybe";

std::string_view or_none(std::string_view text) { return text.empty() ? kNone : text; }

// Takes lines off the front of the text.
class Lines {
 public:
  explicit Lines(std::string_view rest) : rest_(rest) {}

  // The value of the next line, which must be `name value`. None: it is something else.
  std::optional<std::string_view> value(std::string_view name) {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') return std::nullopt;
    line.remove_prefix(name.size() + 1);
    return line == kNone ? std::string_view() : line;
  }

  std::optional<std::uint64_t> number(std::string_view name) {
    const std::optional<std::string_view> text = value(name);
    std::uint64_t number = 0;
    if (!text || text->empty()) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    return number;
  }

 private:
  std::string_view rest_;
};

std::unexpected<Error> damaged_identity() { return fail(ErrorCode::corrupt, "its contents fail their checksum"); }

Result<Uuid> parse_uuid(std::optional<std::string_view> text) {
  if (!text) return damaged_identity();
  if (text->empty()) return Uuid();
  return Uuid::parse(*text);
}

}  // namespace

std::string encode(const Identity& identity) {
  const std::string text = fmt::format(
      "data_id {}\nnode {}\ncluster {}\nstores {}\nincarnation {}\ngeneration {}\nboot_id {}\nstopped {}\n"
      "acknowledges {}\nlacks_writes {}\nmap_epoch {}\n",
      or_none(identity.data_id.str()), or_none(identity.node.str()), or_none(identity.cluster.str()), identity.stores,
      identity.incarnation.value(), identity.generation.value(), or_none(identity.boot_id),
      identity.stopped_cleanly ? "cleanly" : "no", identity.always_synced ? kWhatIsSynced : "anything",
      identity.lacks_writes ? kMaybe : "no", identity.map_epoch.value());
  return text + checksum_line(text);
}

Result<Identity> decode_identity(std::string_view text) {
  const auto body = without_checksum(text);
  if (!body) return damaged_identity();

  // What passes the checksum was written by encode(); failures below mean another version's fields.
  Lines lines(*body);
  Identity identity;
  GYRE_TRY_SET(identity.data_id, parse_uuid(lines.value("data_id")));
  const auto node = lines.value("node");
  if (!node) return damaged_identity();
  GYRE_TRY_SET(identity.node, NodeId::parse(*node));
  GYRE_TRY_SET(identity.cluster, parse_uuid(lines.value("cluster")));
  const auto stores = lines.number("stores");
  const auto incarnation = lines.number("incarnation");
  const auto generation = lines.number("generation");
  const auto boot_id = lines.value("boot_id");
  const auto stopped = lines.value("stopped");
  if (!stores || !incarnation || !generation || !boot_id || !stopped) return damaged_identity();
  identity.stores = static_cast<std::uint32_t>(*stores);
  identity.incarnation = Incarnation(*incarnation);
  identity.generation = Generation(*generation);
  identity.boot_id = *boot_id;
  identity.stopped_cleanly = *stopped == "cleanly";
  const auto acknowledges = lines.value("acknowledges");
  const auto lacks_writes = lines.value("lacks_writes");
  const auto map_epoch = lines.number("map_epoch");
  if (!acknowledges || !lacks_writes || !map_epoch) return damaged_identity();
  identity.always_synced = *acknowledges == kWhatIsSynced;
  identity.lacks_writes = *lacks_writes == kMaybe;
  identity.map_epoch = Epoch(*map_epoch);
  return identity;
}

}  // namespace gyre::storage
