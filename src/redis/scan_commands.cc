// Commands that look through all keys.
#include <charconv>
#include <limits>

#include "redis/glob.h"
#include "redis/numbers.h"
#include "redis/planners.h"

namespace gyre::redis {

namespace {

// Keys looked at by one SCAN, unless COUNT says otherwise.
constexpr std::uint32_t kScanCount = 10;

constexpr std::uint32_t kAllNames = std::numeric_limits<std::uint32_t>::max();

// Longer ones take too long to compare with every name.
constexpr std::size_t kPatternBytesMax = 1024;
constexpr std::string_view kPatternTooLong = "ERR a pattern may have at most 1024 bytes";

void set_pattern(ScanPlan& plan, std::string_view pattern) {
  plan.prefix = Bytes::copy_of(glob_prefix(pattern));
  plan.pattern.reset();
  if (pattern != "*") plan.pattern = pattern;
}

bool is_slot(std::int64_t number) { return number >= 0 && number < std::int64_t{limits::kSlots}; }

}  // namespace

Plan plan_scan(const Call& call) {
  const Arguments& arguments = call.arguments;
  ScanPlan plan{.kind = ScanPlan::Kind::page, .count = kScanCount};
  const std::string_view cursor = arguments[1];
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), plan.cursor);
  if (error != std::errc() || end != cursor.data() + cursor.size()) return Reply::error("ERR invalid cursor");
  for (std::size_t i = 2; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return Reply::error(words::kSyntax);
    const std::string_view value = arguments[i + 1];
    if (says(arguments[i], "match")) {
      if (value.size() > kPatternBytesMax) return Reply::error(kPatternTooLong);
      set_pattern(plan, value);
    } else if (says(arguments[i], "count")) {
      const auto count = parse_integer(value);
      if (!count) return Reply::error(words::kNoInteger);
      if (*count < 1) return Reply::error(words::kSyntax);
      plan.count = static_cast<std::uint32_t>(std::min<std::int64_t>(*count, limits::kBatchOperationsMax));
    } else if (says(arguments[i], "type")) {
      plan.finds_nothing = !says(value, "string");
    } else {
      return Reply::error(words::kSyntax);
    }
  }
  return plan;
}

Plan plan_keys(const Call& call) {
  if (call.arguments[1].size() > kPatternBytesMax) return Reply::error(kPatternTooLong);
  ScanPlan plan{.kind = ScanPlan::Kind::names, .count = kAllNames};
  set_pattern(plan, call.arguments[1]);
  return plan;
}

Plan plan_dbsize(const Call&) { return ScanPlan{.kind = ScanPlan::Kind::number}; }
Plan plan_randomkey(const Call&) { return ScanPlan{.kind = ScanPlan::Kind::any}; }

// ASYNC or not: the keys are gone when it is answered.
Plan plan_flushall(const Call& call) {
  const Arguments& arguments = call.arguments;
  const bool known =
      arguments.size() == 1 || (arguments.size() == 2 && (says(arguments[1], "async") || says(arguments[1], "sync")));
  if (!known) return Reply::error(words::kSyntax);
  return ScanPlan{.kind = ScanPlan::Kind::clear};
}

Plan plan_cluster_countkeysinslot(const Call& call) {
  const auto slot = parse_integer(call.arguments[2]);
  if (!slot) return Reply::error(words::kNoInteger);
  if (!is_slot(*slot)) return Reply::error("ERR Invalid slot");
  return ScanPlan{.kind = ScanPlan::Kind::number, .slot = Slot(static_cast<std::uint16_t>(*slot))};
}

Plan plan_cluster_getkeysinslot(const Call& call) {
  const auto slot = parse_integer(call.arguments[2]);
  const auto count = parse_integer(call.arguments[3]);
  if (!slot || !count) return Reply::error(words::kNoInteger);
  if (!is_slot(*slot) || *count < 0) return Reply::error("ERR Invalid slot or number of keys");
  return ScanPlan{.kind = ScanPlan::Kind::names,
                  .count = static_cast<std::uint32_t>(std::min<std::int64_t>(*count, kAllNames)),
                  .slot = Slot(static_cast<std::uint16_t>(*slot))};
}

}  // namespace gyre::redis
