// `gyre lost`: what failovers lost, and how to bring it back.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>

#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tools/gyre/encoding.h"
#include "tools/gyre/lost_replay.h"
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

std::unexpected<Error> unknown_id(const std::string& id) {
  return fail(ErrorCode::not_found, fmt::format("no ledger has '{}': `gyre lost list` gives the ids", printable(id)));
}

// --- list, show ---

void print_list(const LedgerView& found) {
  if (!found.records.empty()) {
    fmt::print("{:<16} {:<23} {:<4} {:<32} {:<20} {}\n", "ID", "TIME", "OP", "KEY", "CLIENT", "STATE");
  }
  for (const LostRecord& record : found.records) {
    if (const LostRange* range = record.range()) {
      fmt::print("{:<16} {} writes whose contents are gone: {}\n", record.id(), writes_in(*range), range->why);
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
  fmt::print(
      "{} writes lost, {} of them with their contents; {} reapplied by their clients; {} partitions not accounted "
      "for.\n",
      with_commas(found.lost() + found.gone()), with_commas(found.lost()), with_commas(found.reapplied()),
      found.open.size());
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
  Json json{{"lost", found.lost()}, {"contents_gone", found.gone()}, {"reapplied", found.reapplied()}};
  json["records"] = Json::array();
  for (const LostRecord& record : found.records) json["records"].push_back(lost_json(record, false));
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
  if (record == found.records.end()) return unknown_id(id);
  print_line(lost_json(*record, true).dump(context.json ? -1 : 2));
  return {};
}

// --- replay ---

// Which entries a command line means.
struct Selection {
  std::vector<std::string> ids;
  bool all = false;
};

Result<std::vector<const LostRecord*>> select(const LedgerView& found, const Selection& selection) {
  if (selection.all != selection.ids.empty()) {
    return fail(ErrorCode::invalid_argument, "name the writes by id (`gyre lost list` gives them), or --all");
  }
  for (const std::string& id : selection.ids) {
    if (std::ranges::find(found.records, id, &LostRecord::id) == found.records.end()) return unknown_id(id);
  }
  std::vector<const LostRecord*> records;
  for (const LostRecord& record : found.records) {
    const bool named = std::ranges::find(selection.ids, record.id()) != selection.ids.end();
    if (selection.all || named) records.push_back(&record);
  }
  return records;
}

Result<void> replay(Context& context, const Selection& selection, ReplayOptions options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView found, collect_lost_writes(source, context.deadline));
  GYRE_TRY_SET(const auto records, select(found, selection));
  GYRE_TRY_SET(Client* const client, shared_client(context));
  options.deadline = context.deadline;
  Replay replay(*client, options);
  std::size_t skipped = 0;
  for (const LostRecord* record : records) {
    const UnixMillis now{to_ms(std::chrono::system_clock::now().time_since_epoch())};
    GYRE_TRY_SET(const Replayed done, replay.run(*record, now));
    if (done.result == Replayed::Result::skipped) ++skipped;
    if (context.json) {
      print_json({{"id", record->id()},
                  {"result", to_string(done.result)},
                  {"why", done.why.empty() ? Json(nullptr) : Json(done.why)}});
    } else if (!done.why.empty()) {
      print_line(fmt::format("{}: skipped, {}", record->id(), done.why));
    }
  }
  if (context.json) return {};
  const std::size_t rest = records.size() - skipped;
  print_line(options.dry_run
                 ? fmt::format("{} writes would be replayed, {} skipped. This was a dry run.", rest, skipped)
                 : fmt::format("{} writes replayed, {} skipped.", rest, skipped));
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
  auto selection = std::make_shared<Selection>();
  auto options = std::make_shared<ReplayOptions>();
  replay_command->add_option("id", selection->ids, "Which, as `gyre lost list` prints them");
  replay_command->add_flag("--all", selection->all, "Everything that is lost");
  replay_command->add_flag("--if-unchanged", options->if_unchanged, "Only where the key was not written since");
  replay_command->add_flag("--dry-run", options->dry_run, "Say what would be done");
  replay_command->footer(R"(
Values that have expired meanwhile, and writes whose client has sent them again, are skipped. With --if-unchanged so
are keys that have a newer value; a key that is not there counts as unchanged, because a deletion leaves no trace.
Replayed writes are acknowledged by all members.)");
  on_chosen(replay_command, context, [&context, selection, options] { return replay(context, *selection, *options); });
}

}  // namespace gyre::cli
