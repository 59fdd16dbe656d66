// How clients name the levels of their reads and writes.
#pragma once

#include <optional>
#include <string_view>

#include "messages/request.h"

namespace gyre::resp {

inline constexpr std::string_view kReadLevels = "primary, linearizable, session, bounded MS, or any";
inline constexpr std::string_view kAckCounts = "one, all, or a number of members from 1 to 7";

// `bound`: in milliseconds, of "bounded" alone. None: there is no such level.
std::optional<messages::ReadConsistency> parse_read(std::string_view level, std::string_view bound = {});
// The same in one word, as in "bounded:100".
std::optional<messages::ReadConsistency> parse_read_word(std::string_view word);
std::optional<messages::AckCount> parse_ack(std::string_view members);

}  // namespace gyre::resp
