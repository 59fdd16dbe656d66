#include "tools/gyre/jsonl_reader.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/gyre/encoding.h"

namespace gyre::cli {

namespace {

// Takes the fields of one flat object straight into a record, without a tree in between.
class RecordHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit RecordHandler(Record& record) : record_(record) {}

  const std::string& problem() const { return problem_; }
  bool has_key() const { return has_key_; }
  bool has_value() const { return has_value_; }

  bool null() override { return field_ == "ttl_ms" ? true : refuse(fmt::format("'{}' must be a string", field_)); }
  bool boolean(bool) override { return wrong_type(); }
  bool number_integer(number_integer_t) override { return refuse(fmt::format("'{}' must not be negative", field_)); }
  bool number_unsigned(number_unsigned_t number) override {
    if (field_ != "ttl_ms") return wrong_type();
    if (number > static_cast<number_unsigned_t>(std::chrono::milliseconds::max().count())) {
      return refuse("'ttl_ms' is too large");
    }
    record_.ttl = std::chrono::milliseconds(static_cast<std::int64_t>(number));
    return true;
  }
  bool number_float(number_float_t, const string_t&) override { return wrong_type(); }
  bool binary(binary_t&) override { return wrong_type(); }
  bool start_object(std::size_t) override { return std::exchange(inside_, true) ? wrong_type() : true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return wrong_type(); }
  bool end_array() override { return true; }
  bool key(string_t& name) override {
    field_ = std::move(name);
    return true;
  }

  bool string(string_t& text) override {
    if (!inside_) return wrong_type();
    if (field_ == "key") return take(record_.key, has_key_, std::move(text));
    if (field_ == "value") return take(record_.value, has_value_, std::move(text));
    if (field_ == "key_b64") return take_base64(record_.key, has_key_, text);
    if (field_ == "value_b64") return take_base64(record_.value, has_value_, text);
    return wrong_type();
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    const std::string_view what = error.what();
    const auto detail = what.find(": ");
    return refuse(fmt::format("not JSON at column {}: {}", position,
                              what.substr(detail == std::string_view::npos ? 0 : detail + 2)));
  }

 private:
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  bool wrong_type() {
    if (!inside_) return refuse("an object is wanted: {\"key\": ..., \"value\": ...}");
    if (field_ == "ttl_ms") return refuse("'ttl_ms' must be a whole number of milliseconds");
    if (field_ == "key" || field_ == "value" || field_ == "key_b64" || field_ == "value_b64") {
      return refuse(fmt::format("'{}' must be a string", field_));
    }
    return refuse(fmt::format("unknown field '{}'", printable(field_)));
  }

  bool take(std::string& target, bool& has, std::string text) {
    if (std::exchange(has, true)) return refuse(fmt::format("'{}' is given twice", field_));
    target = std::move(text);
    return true;
  }

  bool take_base64(std::string& target, bool& has, std::string_view text) {
    auto bytes = base64_decode(text);
    if (!bytes) return refuse(fmt::format("'{}' is {}", field_, bytes.error().message));
    return take(target, has, std::move(*bytes));
  }

  Record& record_;
  bool inside_ = false;
  bool has_key_ = false;
  bool has_value_ = false;
  std::string field_;
  std::string problem_;
};

}  // namespace

Result<Record> JsonlReader::parse(std::string_view text) const {
  Record record;
  RecordHandler handler(record);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &handler)) {
    return fail(ErrorCode::invalid_argument, handler.problem());
  }
  if (!handler.has_key()) return fail(ErrorCode::invalid_argument, "'key' (or 'key_b64') is missing");
  if (!handler.has_value()) return fail(ErrorCode::invalid_argument, "'value' (or 'value_b64') is missing");
  return record;
}

}  // namespace gyre::cli
