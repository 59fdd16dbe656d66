// What commands print: JSON objects, and the same facts as text.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "gyre/client.h"

namespace gyre::cli {

using Json = nlohmann::ordered_json;

// Sets object[name] to the bytes as a string, or object[name + "_b64"] where they are not UTF-8.
void set_bytes(Json& object, const std::string& name, std::string_view bytes);

// {"key", "value", "version", "ttl_ms"}; ttl_ms is null for a key that does not expire.
Json to_json(std::string_view key, const Value& value);
// {"code", "message", "outcome"[, "retry_after_ms"]}
Json to_json(const Error& error);
// null for nobody.
Json id_or_null(const NodeId& node);

// True if standard output is a terminal and NO_COLOR is unset.
bool stdout_in_colours();

// To standard output, with a newline.
void print_json(const Json& json);
void print_line(std::string_view line);

// "1,234,567"
std::string with_commas(std::uint64_t number);
// "1.4 MiB"
std::string human_bytes(double bytes);
std::string bytes_text(std::uint64_t bytes);
// "999", "12.3k", "4.1M": three figures at least, where there is no room for all.
std::string short_number(double number);
// "21 s", "3 min 20 s", "2 h 5 min"; below a second "350 ms".
std::string human_duration(std::chrono::milliseconds duration);
// "1 copy", "1,200 copies"
std::string counted(std::uint64_t number, std::string_view one, std::string_view many);

}  // namespace gyre::cli
