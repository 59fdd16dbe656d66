#include "base/ids.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/assert.h"

namespace gyre {

namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

NodeId::NodeId(std::string name) : name_(std::move(name)) { GYRE_ASSERT(valid(name_)); }

bool NodeId::valid(std::string_view name) {
  return !name.empty() && name.size() <= 63 && is_alphanumeric(name.front()) &&
         std::ranges::all_of(name, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

Result<NodeId> NodeId::parse(std::string_view name) {
  if (!valid(name)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no node id: use 1 to 63 letters, digits, '.', '_' or '-', "
                            "beginning with a letter or digit",
                            name.substr(0, 80)));
  }
  return NodeId(std::string(name));
}

bool among(const std::vector<NodeId>& nodes, const NodeId& node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

Uuid Uuid::from_words(std::uint64_t high, std::uint64_t low) {
  Uuid uuid;
  uuid.text_ = fmt::format("{:016x}{:016x}", high, low);
  return uuid;
}

Result<Uuid> Uuid::parse(std::string_view text) {
  const bool hex = std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (text.size() != 32 || !hex) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no id: 32 lower-case hex digits are wanted", text.substr(0, 80)));
  }
  Uuid uuid;
  uuid.text_ = text;
  return uuid;
}

std::string to_string(Position position) {
  return fmt::format("{}:{}", position.term.value(), position.sequence.value());
}

}  // namespace gyre
