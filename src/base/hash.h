// The 64-bit hash of everything that is stored or sent: XXH64, whose results are fixed for ever.
#pragma once

#include <cstdint>
#include <string_view>

namespace gyre {

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace gyre
