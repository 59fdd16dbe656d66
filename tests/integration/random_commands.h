// Random commands of Redis, sensible ones and others, over a few keys of one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace gyre::integration {

using Words = std::vector<std::string>;

// Same seed, same commands, but for how far off expiries are. No expiry comes while a test runs: those given are past,
// or minutes away.
//
// Where Gyre differs by intent, and says so when asked, nothing is asked: expiries further off than a hundred years;
// in transactions, what looks through all keys, and what is about connections or commands; OBJECT ENCODING and
// REFCOUNT, where Redis tells of a value's history; empty keys; keys of several slots in transactions, and pairs of
// MSET that are none.
class RandomCommands {
 public:
  explicit RandomCommands(std::uint64_t seed);

  // The next command, or several that belong together: a transaction.
  std::vector<Words> next();

  static std::vector<std::string> keys();

 private:
  using Make = std::function<Words()>;

  void add_strings();
  void add_updates();
  void add_keys();
  void add_expiries();
  void add_questions();
  void add(int weight, Make make);
  Words command();
  Words command_in_transaction();
  Words sound_command();

  std::size_t below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>(0, limit - 1)(rng_); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string pick(const std::vector<std::string>& of) { return of[below(of.size())]; }
  std::string key();
  std::string value();
  std::string integer();
  std::string offset();
  // Of a time to live, or of an expiry as a Unix time, in seconds or milliseconds.
  std::string lifetime(bool in_ms);
  std::string unix_time(bool in_ms);
  // In any spelling of its letters.
  std::string cased(std::string word);
  // Now and then an argument more or less.
  void distort(Words& words);

  std::mt19937_64 rng_;
  std::vector<Make> makers_;
  std::int64_t far_seconds_;  // a Unix time that no test sees
};

}  // namespace gyre::integration
