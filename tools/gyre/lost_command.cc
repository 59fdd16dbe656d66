// `gyre lost`: what failovers lost, and how to bring it back.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <future>
#include <map>
#include <optional>

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/gyre/encoding.h"
#include "tools/gyre/lost_writes.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;

std::string time_of(UnixMillis time) {
  const std::time_t seconds = time.value / 1000;
  return fmt::format("{:%F %H:%M:%S}.{:03}", fmt::localtime(seconds), time.value % 1000);
}

std::string client_of(const LostWrite& write) {
  return write.id.given() ? fmt::format("{:016x}#{}", write.id.client.value(), write.id.number.value()) : "-";
}

Json to_json(const Mutation& mutation, bool with_value) {
  Json json{{"operation", mutation.kind == Mutation::Kind::put ? "put" : "del"}};
  set_bytes(json, "key", mutation.key);
  if (mutation.kind == Mutation::Kind::del) return json;
  json["expires_at_ms"] = mutation.record.expires_at == kNoExpiry ? Json(nullptr) : Json(mutation.record.expires_at.value);
  json["value_bytes"] = mutation.record.value.size();
  if (with_value) set_bytes(json, "value", mutation.record.value);
  return json;
}

Json to_json(const LostRecord& record, bool with_values) {
  Json json{{"id", record.id()},
            {"partition", record.partition().value()},
            {"term", record.position().term.value()},
            {"ledger_of", record.node.str()},
            {"recorded_ms", record.item.recorded.value}};
  if (const LostRange* range = record.range()) {
    json["kind"] = "range";
    json["first_sequence"] = range->first.value();
    json["last_sequence"] = range->last.value();
    json["why"] = range->why;
    return json;
  }
  const LostWrite& write = *record.write();
  json["kind"] = "write";
  json["sequence"] = write.position.sequence.value();
  json["time_ms"] = write.time.value;
  json["client"] = client_of(write);
  json["reapplied"] = write.reapplied;
  json["mutations"] = Json::array();
  for (const Mutation& mutation : write.mutations) json["mutations"].push_back(to_json(mutation, with_values));
  return json;
}

// --- list, show ---

void print_list(const LedgerView& found) {
  if (!found.records.empty()) {
    fmt::print("{:<16} {:<23} {:<4} {:<32} {:<20} {}\n", "ID", "TIME", "OP", "KEY", "CLIENT", "STATE");
  }
  for (const LostRecord& record : found.records) {
    if (const LostRange* range = record.range()) {
      fmt::print("{:<16} {} writes of unknown contents: {}\n", record.id(),
                 range->last.value() - range->first.value() + 1, range->why);
      continue;
    }
    const LostWrite& write = *record.write();
    for (const Mutation& mutation : write.mutations) {
      fmt::print("{:<16} {:<23} {:<4} {:<32} {:<20} {}\n", record.id(), time_of(write.time),
                 mutation.kind == Mutation::Kind::put ? "put" : "del", printable(mutation.key), client_of(write),
                 write.reapplied ? "reapplied" : "lost");
    }
  }
  for (const OpenLoss& open : found.open) {
    fmt::print("partition {}: {} was primary of term {} and has not returned: what only it holds is not known yet\n",
               open.partition.value(), open.deposed.node.str(), open.deposed.term.value());
  }
  fmt::print("{} writes lost, {} reapplied by their clients, {} partitions not accounted for.\n",
             with_commas(found.lost()), with_commas(found.reapplied()), found.open.size());
  if (!found.silent.empty()) {
    std::vector<std::string> names;
    for (const NodeId& node : found.silent) names.push_back(node.str());
    fmt::print("No answer from {}: what is in their ledgers is missing here.\n", fmt::join(names, ", "));
  }
}

Result<void> list(const Context& context) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView found, collect_lost_writes(source, context.deadline));
  if (!context.json) {
    print_list(found);
    return {};
  }
  Json json{{"lost", found.lost()}, {"reapplied", found.reapplied()}};
  json["records"] = Json::array();
  for (const LostRecord& record : found.records) json["records"].push_back(to_json(record, false));
  json["not_accounted_for"] = Json::array();
  for (const OpenLoss& open : found.open) {
    json["not_accounted_for"].push_back({{"partition", open.partition.value()},
                                         {"node", open.deposed.node.str()},
                                         {"term", open.deposed.term.value()}});
  }
  json["silent_nodes"] = Json::array();
  for (const NodeId& node : found.silent) json["silent_nodes"].push_back(node.str());
  print_json(json);
  return {};
}

Result<void> show(const Context& context, const std::string& id) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView found, collect_lost_writes(source, context.deadline));
  const auto record = std::ranges::find(found.records, id, &LostRecord::id);
  if (record == found.records.end()) {
    return fail(ErrorCode::not_found, fmt::format("no ledger has '{}': `gyre lost list` gives the ids", printable(id)));
  }
  print_line(to_json(*record, true).dump(context.json ? -1 : 2));
  return {};
}

// --- replay ---

struct ReplayOptions {
  std::vector<std::string> ids;
  bool all = false;
  bool if_unchanged = false;
  bool dry_run = false;
};

// What became of one lost write.
struct Replayed {
  const LostRecord* record;
  std::string result;  // replayed, would_replay, skipped
  std::string why;     // skipped
};

// The condition under which a mutation may be written again; none: the key was changed since.
std::optional<Condition> condition_for(const LostWrite& write, const std::optional<Version>& current) {
  if (!current) return Condition::if_absent();
  const bool older = current->term <= write.position.term.value() && current->sequence < write.position.sequence.value();
  if (!older) return std::nullopt;
  return Condition::if_version(*current);
}

Result<std::optional<Version>> version_of(Client& client, const std::string& key) {
  CallOptions options;
  options.read = Read::primary();
  auto value = client.get(key, options, use_future).get();
  if (value) return std::optional(value->version);
  if (value.error().code == ErrorCode::not_found) return std::optional<Version>();
  return fail(std::move(value).error());
}

// Adds `mutation` to the batch. Gives why not, or nothing.
Result<std::string> add_mutation(Client& client, const LostWrite& write, const Mutation& mutation, UnixMillis now,
                                 bool if_unchanged, Batch& batch) {
  const std::string key(mutation.key);
  std::optional<Condition> condition = Condition::always();
  if (if_unchanged) {
    GYRE_TRY_SET(const auto current, version_of(client, key));
    condition = condition_for(write, current);
    if (!condition) return "the key was changed since";
  }
  if (mutation.kind == Mutation::Kind::del) {
    if (condition->kind == Condition::Kind::absent) return "the key is not there any more";
    batch.del(key, *condition);
    return "";
  }
  PutOptions options;
  options.condition = *condition;
  if (mutation.record.expires_at != kNoExpiry) {
    if (mutation.record.expires_at <= now) return "the value has expired";
    options.ttl = std::chrono::milliseconds(mutation.record.expires_at.value - now.value);
  }
  batch.put(key, std::string(mutation.record.value), options);
  return "";
}

Result<Replayed> replay_one(const Context& context, Client& client, const LostRecord& record,
                            const ReplayOptions& options) {
  const LostWrite* write = record.write();
  if (write == nullptr) return Replayed{&record, "skipped", "the contents are gone"};
  if (write->reapplied) return Replayed{&record, "skipped", "its client has sent it again"};
  const UnixMillis now{to_ms(std::chrono::system_clock::now().time_since_epoch())};
  Batch batch;
  for (const Mutation& mutation : write->mutations) {
    GYRE_TRY_SET(const std::string why, add_mutation(client, *write, mutation, now, options.if_unchanged, batch));
    if (!why.empty()) return Replayed{&record, "skipped", why};
  }
  if (options.dry_run) return Replayed{&record, "would_replay", ""};
  CallOptions call;
  call.deadline = context.deadline;
  call.ack = Ack::all();
  const auto written = client.write(std::move(batch), call, use_future).get();
  if (!written && written.error().code == ErrorCode::condition_failed) {
    return Replayed{&record, "skipped", "the key was changed since"};
  }
  GYRE_TRY(written);
  return Replayed{&record, "replayed", ""};
}

Result<std::vector<const LostRecord*>> chosen(const LedgerView& found, const ReplayOptions& options) {
  if (options.all != options.ids.empty()) {
    return fail(ErrorCode::invalid_argument, "name the writes by id (`gyre lost list` gives them), or --all");
  }
  std::vector<const LostRecord*> records;
  for (const LostRecord& record : found.records) {
    if (options.all || std::ranges::find(options.ids, record.id()) != options.ids.end()) records.push_back(&record);
  }
  if (!options.all && records.size() < options.ids.size()) {
    return fail(ErrorCode::not_found, "not all of these ids are in a ledger: `gyre lost list` gives them");
  }
  return records;
}

Result<void> replay(Context& context, const ReplayOptions& options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView found, collect_lost_writes(source, context.deadline));
  GYRE_TRY_SET(const auto records, chosen(found, options));
  GYRE_TRY_SET(Client* const client, shared_client(context));
  std::map<std::string, std::size_t> counts;
  for (const LostRecord* record : records) {
    GYRE_TRY_SET(const Replayed done, replay_one(context, *client, *record, options));
    ++counts[done.result];
    if (context.json) {
      print_json({{"id", record->id()}, {"result", done.result}, {"why", done.why.empty() ? Json(nullptr) : Json(done.why)}});
    } else if (!done.why.empty()) {
      print_line(fmt::format("{}: skipped, {}", record->id(), done.why));
    }
  }
  if (context.json) return {};
  print_line(fmt::format("{} writes replayed, {} skipped.", counts["replayed"] + counts["would_replay"], counts["skipped"]));
  if (options.dry_run) print_line("Nothing was written: this was a dry run.");
  return {};
}

}  // namespace

void add_lost_commands(CLI::App& app, Context& context) {
  auto* lost = app.add_subcommand("lost", "What failovers lost: count it, look at it, bring it back");
  lost->require_subcommand(1);
  on_chosen(lost->add_subcommand("list", "List what is in the ledgers of all nodes"), context,
            [&context] { return list(context); });
  auto* show_command = lost->add_subcommand("show", "Print one entry with its values");
  auto id = std::make_shared<std::string>();
  show_command->add_option("id", *id, "As `gyre lost list` prints it")->required();
  on_chosen(show_command, context, [&context, id] { return show(context, *id); });

  auto* replay_command = lost->add_subcommand("replay", "Write lost writes again, oldest first");
  auto options = std::make_shared<ReplayOptions>();
  replay_command->add_option("id", options->ids, "Which, as `gyre lost list` prints them");
  replay_command->add_flag("--all", options->all, "Everything that is lost");
  replay_command->add_flag("--if-unchanged", options->if_unchanged, "Only where the key was not written since");
  replay_command->add_flag("--dry-run", options->dry_run, "Say what would be done");
  replay_command->footer(R"(
Values that have expired meanwhile, and writes whose client has sent them again, are skipped. With --if-unchanged so
are keys that have a newer value; a key that is not there counts as unchanged, because a deletion leaves no trace.
Replayed writes are acknowledged by all members.)");
  on_chosen(replay_command, context, [&context, options] { return replay(context, *options); });
}

}  // namespace gyre::cli
