// LCS: the longest common subsequence of two values.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redis/numbers.h"
#include "redis/operations.h"
#include "redis/planners.h"

namespace gyre::redis {

namespace {

struct LcsOptions {
  bool length = false;
  bool ranges = false;
  bool with_length = false;
  std::int64_t length_min = 0;
};

Parsed<LcsOptions> parse_options(const Arguments& arguments) {
  LcsOptions options;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    if (says(arguments[i], "len")) {
      options.length = true;
    } else if (says(arguments[i], "idx")) {
      options.ranges = true;
    } else if (says(arguments[i], "withmatchlen")) {
      options.with_length = true;
    } else if (says(arguments[i], "minmatchlen") && i + 1 < arguments.size()) {
      const auto least = parse_integer(arguments[++i]);
      if (!least) return refuse(words::kNoInteger);
      options.length_min = *least;
    } else {
      return refuse(words::kSyntax);
    }
  }
  if (options.length && options.ranges) {
    return refuse("ERR If you want both the length and indexes, please just use IDX.");
  }
  return options;
}

// A piece that stands in both values, and is part of the subsequence found.
struct Match {
  std::size_t in_a;
  std::size_t in_b;
  std::size_t size;
};

struct Lcs {
  std::string text;
  std::vector<Match> matches;  // the last one first
};

// The lengths for all pairs of prefixes, row by row.
class LengthTable {
 public:
  LengthTable(std::string_view a, std::string_view b) : width_(b.size() + 1), cells_((a.size() + 1) * width_) {
    for (std::size_t i = 1; i <= a.size(); ++i) {
      for (std::size_t j = 1; j <= b.size(); ++j) {
        cells_[i * width_ + j] = a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
      }
    }
  }
  static std::size_t bytes(std::string_view a, std::string_view b) {
    return (a.size() + 1) * (b.size() + 1) * sizeof(std::uint32_t);
  }
  std::uint32_t at(std::size_t i, std::size_t j) const { return cells_[i * width_ + j]; }

 private:
  std::size_t width_;
  std::vector<std::uint32_t> cells_;
};

// Walks the table from its end; of equally long ways the one that Redis takes.
Lcs find_lcs(std::string_view a, std::string_view b) {
  const LengthTable lengths(a, b);
  Lcs found;
  bool matching = false;
  for (std::size_t i = a.size(), j = b.size(); i > 0 && j > 0;) {
    if (a[i - 1] == b[j - 1]) {
      --i, --j;
      found.text.push_back(a[i]);
      if (!matching) found.matches.push_back({i, j, 0});
      found.matches.back() = {i, j, found.matches.back().size + 1};
      matching = true;
    } else {
      lengths.at(i - 1, j) > lengths.at(i, j - 1) ? --i : --j;
      matching = false;
    }
  }
  std::ranges::reverse(found.text);
  return found;
}

Reply integer(std::size_t number) { return Reply::integer(static_cast<std::int64_t>(number)); }

Reply range_reply(std::size_t first, std::size_t size) {
  return Reply::array({integer(first), integer(first + size - 1)});
}

Reply ranges_reply(const Lcs& found, const LcsOptions& options) {
  std::vector<Reply> matches;
  for (const auto& [in_a, in_b, size] : found.matches) {
    if (static_cast<std::int64_t>(size) < options.length_min) continue;
    std::vector<Reply> parts = {range_reply(in_a, size), range_reply(in_b, size)};
    if (options.with_length) parts.push_back(integer(size));
    matches.push_back(Reply::array(std::move(parts)));
  }
  return Reply::map({Reply::bulk(Bytes::literal("matches")), Reply::array(std::move(matches)),
                     Reply::bulk(Bytes::literal("len")), integer(found.text.size())});
}

}  // namespace

Plan plan_lcs(const Call& call) {
  const auto options = parse_options(call.arguments);
  if (!options) return options.error();
  return ReadPlan{{{call.arguments.bytes(1)}, {call.arguments.bytes(2)}},
                  [options = *options, bytes_max = call.context.value_bytes_max](std::span<const Found> found) {
                    const std::string_view a = value_of(found[0]);
                    const std::string_view b = value_of(found[1]);
                    if (LengthTable::bytes(a, b) > bytes_max) {
                      return Reply::error(
                          "ERR Insufficient memory, transient memory for LCS exceeds "
                          "proto-max-bulk-len");
                    }
                    const Lcs lcs = find_lcs(a, b);
                    if (options.ranges) return ranges_reply(lcs, options);
                    return options.length ? integer(lcs.text.size()) : Reply::bulk(Bytes::copy_of(lcs.text));
                  }};
}

}  // namespace gyre::redis
