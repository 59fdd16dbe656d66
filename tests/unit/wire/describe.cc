#include <memory>

#include <fmt/format.h>

#include "base/hash.h"
#include "tests/unit/wire/fields.h"
#include "tests/unit/wire/generators.h"

namespace gyre::wire::testing {

namespace {

// Like fmt's {:?}, but for any bytes: fmt 9 asserts on some that are no UTF-8. Long ones by their hash.
std::string in_quotes(std::string_view bytes) {
  if (bytes.size() > 1000) return fmt::format("{} bytes, hash {}", bytes.size(), hash64(bytes));
  std::string text = "\"";
  for (const char c : bytes) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text + '"';
}

struct Describe {
  std::string operator()(const Bytes& bytes) const { return in_quotes(bytes.view()); }
  std::string operator()(const std::string& text) const { return in_quotes(text); }
  std::string operator()(const NodeId& node) const { return in_quotes(node.str()); }
  std::string operator()(const Uuid& uuid) const { return uuid.str(); }
  std::string operator()(UnixMillis time) const { return std::to_string(time.value); }
  std::string operator()(Instant time) const { return std::to_string(time.time_since_epoch().count()); }
  std::string operator()(Duration duration) const { return fmt::format("{} ns", duration.count()); }
  std::string operator()(std::chrono::milliseconds duration) const { return fmt::format("{} ms", duration.count()); }
  template <class Tag, class Rep>
  std::string operator()(Id<Tag, Rep> id) const {
    return std::to_string(id.value());
  }
  template <class T>
  std::string operator()(const std::vector<T>& values) const {
    std::string text = "[";
    for (const T& value : values) text += (*this)(value) + ",\n";
    return text + "]";
  }
  template <class T>
  std::string operator()(const std::optional<T>& value) const {
    return value ? (*this)(*value) : "none";
  }
  template <class T>
  std::string operator()(const std::shared_ptr<const T>& value) const {
    return value ? (*this)(*value) : "null";
  }
  template <class... Ts>
  std::string operator()(const std::variant<Ts...>& value) const {
    return fmt::format("#{} {}", value.index(), std::visit(*this, value));
  }
  template <class T>
  std::string operator()(const T& value) const {
    if constexpr (std::is_enum_v<T>) {
      return std::to_string(static_cast<int>(value));
    } else if constexpr (std::is_arithmetic_v<T>) {
      return fmt::format("{}", value);
    } else if constexpr (std::is_empty_v<T>) {
      return "{}";
    } else {
      return std::apply([this](const auto&... fields) { return "{" + (((*this)(fields) + " ") + ...) + "}"; },
                        fields_of(value));
    }
  }
};

}  // namespace

std::string describe(const messages::Frame& frame) { return Describe()(frame); }

}  // namespace gyre::wire::testing
