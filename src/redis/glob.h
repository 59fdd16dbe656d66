// Redis's patterns for names of keys.
#pragma once

#include <string>
#include <string_view>

namespace gyre::redis {

// `*`, `?`, `[abc]`, `[^a-z]`, and `\` before what stands for itself, as Redis takes them. Takes time in proportion to
// the product of both lengths at most.
bool glob_matches(std::string_view pattern, std::string_view text);

// What all matches begin with.
std::string glob_prefix(std::string_view pattern);

}  // namespace gyre::redis
