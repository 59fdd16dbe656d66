// The coordinator's events as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/gyre/cluster_source.h"

namespace gyre::cli {

// What an operator should notice stands out.
enum class Tone : std::uint8_t { plain, good, warning, bad };
Tone tone_of_event(std::string_view kind);

// "12:04:31.207", in local time.
std::string clock_text(UnixMillis time);

// Everything that happened behind event `after`, up to now, oldest first. ERRORS: as ask_coordinator.
Result<std::vector<messages::ClusterEvent>> events_behind(const ClusterSource& source, std::uint64_t after,
                                                          Duration limit);

}  // namespace gyre::cli
