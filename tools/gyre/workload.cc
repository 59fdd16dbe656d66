#include "tools/gyre/workload.h"

namespace gyre::cli {

namespace {

constexpr std::uint64_t kSliceStarts = 64 * 1024;

}  // namespace

std::optional<Operation> FillWorkload::next(Rng&) {
  const auto key = next_.fetch_add(1, std::memory_order_relaxed);
  if (key >= keys_) return std::nullopt;
  return Operation{.read = false, .key = key};
}

MixedWorkload::MixedWorkload(std::uint64_t keys, double read_percent, double theta)
    : keys_(keys),
      read_share_(read_percent / 100),
      zipf_(theta > 0 ? std::optional<Zipf>(std::in_place, keys, theta) : std::nullopt) {}

std::optional<Operation> MixedWorkload::next(Rng& rng) {
  const bool read = rng.chance(read_share_);
  return Operation{.read = read, .key = zipf_ ? (*zipf_)(rng) : rng.below(keys_)};
}

std::string_view KeyText::of(std::uint64_t key) {
  constexpr std::size_t kPrefix = 3;
  for (std::size_t i = kSize; i-- > kPrefix; key /= 10) text_[i] = static_cast<char>('0' + key % 10);
  return {text_.data(), kSize};
}

ValueSlices::ValueSlices(std::uint64_t size, std::uint64_t seed) : size_(size), block_(size + kSliceStarts, '\0') {
  Rng rng(seed);
  for (auto& c : block_) c = static_cast<char>(rng.next());
}

std::string_view ValueSlices::next(Rng& rng) const {
  return std::string_view(block_).substr(rng.below(kSliceStarts), size_);
}

}  // namespace gyre::cli
