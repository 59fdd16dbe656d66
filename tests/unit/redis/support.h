// A tiny store that runs commands as a primary would: the rules of writes are the real ones.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "redis/command_table.h"
#include "redis/execution.h"

namespace gyre::redis {

// "SET k 'a b'": words at spaces; what stands between single quotes is one word.
std::vector<std::string> words_of(std::string_view line);

class Store {
 public:
  UnixMillis now{1'700'000'000'000};
  std::size_t value_bytes_max = 1024;
  // Called between the reads and the writes of an update, e.g. to change the key.
  std::function<void()> in_between = [] {};

  // The whole way: find the command, plan it, run it.
  Reply run(const std::vector<std::string>& arguments);
  Reply run(Plan plan);
  Parsed<Plan> plan_of(std::string_view line) const;
  // As bytes.
  std::string resp2(std::string_view line);
  std::string resp3(std::string_view line);

  Written write(const std::vector<messages::WriteOperation>& operations);
  std::size_t reads() const { return reads_; }
  std::size_t requests() const { return requests_; }

 private:
  Parsed<Plan> plan_of(const std::vector<std::string>& words) const;
  std::string run(std::string_view line, wire::RespVersion version);
  std::vector<Found> read(std::span<const Read> reads);

  std::map<std::string, messages::Record, std::less<>> records_;
  Position position_{Term(1), Sequence(0)};
  std::size_t reads_ = 0;
  std::size_t requests_ = 0;
};

}  // namespace gyre::redis
