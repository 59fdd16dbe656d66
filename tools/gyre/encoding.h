// Arbitrary bytes in places made for text.
#pragma once

#include <string>
#include <string_view>

#include "gyre/result.h"

namespace gyre::cli {

// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view bytes);

// RFC 4648 section 4, padded.
std::string base64_encode(std::string_view bytes);
// ERRORS: invalid_argument.
Result<std::string> base64_decode(std::string_view text);

// One line for a person: control characters, backslashes and what is not UTF-8 as \n, \t, \\ or \xNN.
std::string printable(std::string_view bytes);

}  // namespace gyre::cli
