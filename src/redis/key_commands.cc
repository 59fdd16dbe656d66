// Commands on keys, whatever their values: existence, names, copies, what values look like from within.
#include <algorithm>
#include <array>
#include <utility>

#include "redis/expiry.h"
#include "redis/numbers.h"
#include "redis/operations.h"
#include "redis/planners.h"

namespace gyre::redis {

namespace {

// SOURCE: Redis 7.0, OBJ_ENCODING_EMBSTR_SIZE_LIMIT.
constexpr std::size_t kEmbeddedBytesMax = 44;

// Of the store's own, with a key and its value: partition, version, expiry, lengths.
constexpr std::size_t kRecordBytes = 24;

constexpr std::array<std::string_view, 5> kMemoryHelp = {
    "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "USAGE <key> [SAMPLES <count>]",
    "    The bytes that the key and its value are kept in, before compression.",
    "HELP",
    "    This.",
};
constexpr std::array<std::string_view, 11> kObjectHelp = {
    "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "ENCODING <key>",
    "    What Redis would call the encoding of the value: int, embstr or raw.",
    "FREQ <key>",
    "    Refused: Gyre does not count uses of each key.",
    "IDLETIME <key>",
    "    Always 0: Gyre does not note when a key was last used.",
    "REFCOUNT <key>",
    "    Always 1.",
    "HELP",
    "    Print this help.",
};

ReadPlan read_key(Bytes key, bool value_wanted, std::function<Reply(std::span<const Found>)> reply) {
  return {{{std::move(key), value_wanted}}, std::move(reply)};
}

// Of a key that exists; else null.
Plan look_at_object(const Call& call, Reply answer) {
  return read_key(call.arguments.bytes(2), false, [answer = std::move(answer)](std::span<const Found> found) {
    return found[0].record ? answer : Reply::null();
  });
}

std::string_view encoding_of(std::string_view value) {
  if (parse_integer(value)) return "int";
  return value.size() <= kEmbeddedBytesMax ? "embstr" : "raw";
}

struct CopyOptions {
  bool replace = false;
};

Parsed<CopyOptions> parse_copy_options(const Arguments& arguments) {
  CopyOptions options;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    if (says(arguments[i], "replace")) {
      options.replace = true;
    } else if (says(arguments[i], "db") && i + 1 < arguments.size()) {
      const auto database = parse_integer(arguments[++i]);
      if (!database) return refuse(words::kNoInteger);
      if (*database != 0) return refuse("ERR DB index is out of range");
    } else {
      return refuse(words::kSyntax);
    }
  }
  return options;
}

// Same name: nothing to do but to say whether the key exists.
Plan rename_to_itself(const Call& call, Reply done) {
  return read_key(call.arguments.bytes(1), false, [done = std::move(done)](std::span<const Found> found) {
    return found[0].record ? done : Reply::error(words::kNoSuchKey);
  });
}

}  // namespace

// Counts a key as often as it is named.
Plan plan_exists(const Call& call) {
  ReadPlan plan;
  for (std::size_t i = 1; i < call.arguments.size(); ++i) plan.reads.push_back({call.arguments.bytes(i), false});
  plan.reply = [](std::span<const Found> found) {
    return Reply::integer(std::ranges::count_if(found, [](const Found& each) { return each.record.has_value(); }));
  };
  return plan;
}

Plan plan_del(const Call& call) {
  WritePlan plan{.divisible = true};
  for (std::size_t i = 1; i < call.arguments.size(); ++i) plan.operations.push_back(del(call.arguments.bytes(i)));
  plan.reply = [](const Written& written) {
    if (!written) return error_reply(written.error());
    return Reply::integer(std::ranges::count_if(*written, &messages::WriteOutcome::changed));
  };
  return plan;
}

Plan plan_type(const Call& call) {
  return read_key(call.arguments.bytes(1), false,
                  [](std::span<const Found> found) { return Reply::simple(found[0].record ? "string" : "none"); });
}

Plan plan_rename(const Call& call) {
  const Bytes from = call.arguments.bytes(1);
  const Bytes to = call.arguments.bytes(2);
  if (from == to) return rename_to_itself(call, Reply::ok());
  return UpdatePlan{{{from}}, [from, to](std::span<const Found> found) -> Decision {
                      const auto& record = found[0].record;
                      if (!record) return {Reply::error(words::kNoSuchKey)};
                      return {Reply::ok(),
                              {del(from, unchanged(found[0])), put({to, record->value, expiry_of(*record)})}};
                    }};
}

Plan plan_renamenx(const Call& call) {
  const Bytes from = call.arguments.bytes(1);
  const Bytes to = call.arguments.bytes(2);
  if (from == to) return rename_to_itself(call, Reply::integer(0));
  return UpdatePlan{
      {{from}, {to, false}}, [from, to](std::span<const Found> found) -> Decision {
        const auto& record = found[0].record;
        if (!record) return {Reply::error(words::kNoSuchKey)};
        if (found[1].record) return {Reply::integer(0)};
        return {Reply::integer(1),
                {del(from, unchanged(found[0])), put({to, record->value, expiry_of(*record), unchanged(found[1])})}};
      }};
}

Plan plan_copy(const Call& call) {
  const auto options = parse_copy_options(call.arguments);
  if (!options) return options.error();
  const Bytes from = call.arguments.bytes(1);
  const Bytes to = call.arguments.bytes(2);
  if (from == to) return Reply::error("ERR source and destination objects are the same");
  return UpdatePlan{{{from}, {to, false}}, [from, to, replace = options->replace](auto found) -> Decision {
                      const auto& record = found[0].record;
                      if (!record || (found[1].record && !replace)) return {Reply::integer(0)};
                      const Condition condition = replace ? Condition{} : unchanged(found[1]);
                      return {Reply::integer(1),
                              {guard(from, found[0]), put({to, record->value, expiry_of(*record), condition})}};
                    }};
}

Plan plan_object_encoding(const Call& call) {
  return read_key(call.arguments.bytes(2), true, [](std::span<const Found> found) {
    if (!found[0].record) return Reply::null();
    return Reply::bulk(Bytes::literal(encoding_of(found[0].record->value)));
  });
}

Plan plan_object_freq(const Call& call) {
  return look_at_object(
      call, Reply::error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
                         "when switching between policies at runtime LRU and LFU data will take some time to adjust."));
}

Plan plan_object_idletime(const Call& call) { return look_at_object(call, Reply::integer(0)); }
Plan plan_object_refcount(const Call& call) { return look_at_object(call, Reply::integer(1)); }

Plan plan_object_help(const Call&) { return help(kObjectHelp); }

// SAMPLES is about values of many parts, of which there are none.
Plan plan_memory_usage(const Call& call) {
  const Arguments& arguments = call.arguments;
  if (arguments.size() > 3) {
    if (arguments.size() != 5 || !says(arguments[3], "samples")) return Reply::error(words::kSyntax);
    const auto samples = parse_integer(arguments[4]);
    if (!samples) return Reply::error(words::kNoInteger);
    if (*samples < 0) return Reply::error(words::kSyntax);
  }
  return ReadPlan{only<Read>({arguments.bytes(2)}), [key_bytes = arguments[2].size()](std::span<const Found> found) {
                    if (!found[0].record) return Reply::null();
                    const std::size_t bytes = kRecordBytes + key_bytes + value_of(found[0]).size();
                    return Reply::integer(static_cast<std::int64_t>(bytes));
                  }};
}

Plan plan_memory_help(const Call&) { return help(kMemoryHelp); }

}  // namespace gyre::redis
