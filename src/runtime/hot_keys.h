// The busiest keys of a stream of keys, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gyre::runtime {

// As many counters as it was given room for; a key without one takes that of the least counted, and its count as what
// it may be too much by. Every key whose share of the stream is more than 1/counters has one.
// SOURCE: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements in data streams"
// (Space-Saving), ICDT 2005.
class HotKeys {
 public:
  struct Key {
    std::string key;
    std::uint32_t count = 0;
    std::uint32_t error = 0;  // it may be so much less
  };

  // REQUIRES: counters > 0.
  explicit HotKeys(std::size_t counters);
  HotKeys(HotKeys&&) = default;  // not copied: the index refers into the keys
  HotKeys& operator=(HotKeys&&) = default;

  void add(std::string_view key, std::uint32_t weight);
  // Halves all counts; what has none left is forgotten.
  void decay();
  // At most so many, the highest count first; equal ones by key.
  std::vector<Key> top(std::size_t keys_max) const;

 private:
  void insert(Key key);
  std::size_t least() const;

  std::size_t room_;
  // Side by side, in no order; they never grow beyond what was reserved, so that what index_ refers to stays in place.
  std::vector<std::string> keys_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> errors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // by key. Looked up only, never iterated.
};

}  // namespace gyre::runtime
