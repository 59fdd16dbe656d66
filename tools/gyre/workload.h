// Which operation comes next: the part of a load generator that knows nothing of clients or time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/rng.h"
#include "tools/gyre/zipf.h"

namespace gyre::cli {

struct Operation {
  bool read = false;
  std::uint64_t key = 0;  // in [0, keys)
};

// THREAD: any; each thread brings a generator of its own.
class Workload {
 public:
  virtual ~Workload() = default;
  // None: there is no more to do.
  virtual std::optional<Operation> next(Rng& rng) = 0;
};

// Writes every key once, in order.
class FillWorkload final : public Workload {
 public:
  explicit FillWorkload(std::uint64_t keys) : keys_(keys) {}
  std::optional<Operation> next(Rng&) override;

 private:
  const std::uint64_t keys_;
  std::atomic<std::uint64_t> next_{0};
};

// Reads and writes mixed, without end; keys uniform, or Zipf-distributed with `theta` above 0.
class MixedWorkload final : public Workload {
 public:
  MixedWorkload(std::uint64_t keys, double read_percent, double theta);
  std::optional<Operation> next(Rng& rng) override;

 private:
  const std::uint64_t keys_;
  const double read_share_;
  const std::optional<Zipf> zipf_;
};

// Key number -> "key000000000042": of one length, so that writing one down costs next to nothing.
class KeyText {
 public:
  KeyText() { std::string_view("key000000000000").copy(text_.data(), kSize); }
  // Valid until the next call.
  std::string_view of(std::uint64_t key);

 private:
  static constexpr std::size_t kSize = 15;
  std::array<char, kSize> text_;
};

// Values of one size that do not compress: slices of one random block, each beginning elsewhere.
class ValueSlices {
 public:
  ValueSlices(std::uint64_t size, std::uint64_t seed);
  std::string_view next(Rng& rng) const;

 private:
  std::uint64_t size_;
  std::string block_;
};

}  // namespace gyre::cli
