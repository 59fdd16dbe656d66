// A line of the shell as words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"

namespace gyre::cli {

// Words stand between blanks. 'single quotes' take everything as it is; "double quotes" know \n \t \r \0 \\ \" and
// \xNN; outside quotes a backslash takes the next character as it is. A # at the beginning of a word begins a comment.
// ERRORS: invalid_argument (a quote is not closed, an unknown escape).
Result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace gyre::cli
