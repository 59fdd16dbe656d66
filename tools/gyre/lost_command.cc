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
      const bool known = range->last != messages::kUnknownLast;
      fmt::print("{:<16} {} writes whose contents are gone: {}\n", record.id(),
                 known ? std::to_string(writes_in(*range)) : "an unknown number of", range->why);
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
struct LossSelection {
  std::vector<std::string> ids;
  bool all = false;
  bool if_unchanged = false;  // changes nothing: for those who want to say it
};

Result<std::vector<const LostRecord*>> select_records(const LedgerView& found, const LossSelection& selection) {
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

// How many writes came to which end.
struct ReplayCounts {
  std::size_t replayed = 0;  // or would be
  std::size_t absent = 0;    // of these: to keys that were absent
  std::size_t already_there = 0;
  std::size_t skipped = 0;

  void add(const Replayed& done) {
    using Result = Replayed::Result;
    replayed += done.result == Result::replayed || done.result == Result::would_replay;
    absent += done.absent;
    already_there += done.result == Result::already_there;
    skipped += done.result == Result::skipped;
  }
};

void print_replayed(const Context& context, const LostRecord& record, const Replayed& done) {
  if (context.json) {
    print_json({{"id", record.id()},
                {"result", to_string(done.result)},
                {"absent", done.absent},
                {"why", done.why.empty() ? Json(nullptr) : Json(done.why)}});
  } else if (!done.why.empty()) {
    print_line(fmt::format("{}: skipped, {}", record.id(), done.why));
  } else if (done.absent) {
    const bool dry = done.result == Replayed::Result::would_replay;
    print_line(fmt::format("{}: {} not there", record.id(),
                           dry ? "would be replayed as absent: the key is" : "replayed as absent: the key was"));
  }
}

void print_counts(const ReplayCounts& counts, bool dry_run) {
  print_line(fmt::format("{} writes {}, {} of them as absent; {} already there, {} skipped.{}", counts.replayed,
                         dry_run ? "would be replayed" : "replayed", counts.absent, counts.already_there,
                         counts.skipped, dry_run ? " This was a dry run." : ""));
  if (counts.absent == 0) return;
  print_line("As absent: the key was never there but for the lost write, or it was deleted since; nobody can tell.");
  print_line("With --skip-absent such writes are left out.");
}

Result<void> replay(Context& context, const LossSelection& selection, ReplayOptions options) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  GYRE_TRY_SET(const LedgerView found, collect_lost_writes(source, context.deadline));
  GYRE_TRY_SET(const auto records, select_records(found, selection));
  GYRE_TRY_SET(Client* const client, shared_client(context));
  options.deadline = context.deadline;
  Replay replay(*client, options);
  ReplayCounts counts;
  for (const LostRecord* record : records) {
    const UnixMillis now{to_ms(std::chrono::system_clock::now().time_since_epoch())};
    GYRE_TRY_SET(const Replayed done, replay.run(*record, now));
    counts.add(done);
    print_replayed(context, *record, done);
  }
  if (!context.json) print_counts(counts, options.dry_run);
  return {};
}

void add_replay(CLI::App* lost, Context& context) {
  auto* command = lost->add_subcommand("replay", "Write lost writes again, oldest first, where that does no harm");
  auto selection = std::make_shared<LossSelection>();
  auto options = std::make_shared<ReplayOptions>();
  command->add_option("id", selection->ids, "Which, as `gyre lost list` prints them");
  command->add_flag("--all", selection->all, "Everything that is lost");
  auto* unchanged = command->add_flag("--if-unchanged", selection->if_unchanged,
                                      "Only where the key was not written since: so it is without --overwrite");
  command->add_flag("--overwrite", options->overwrite, "Also where the key has a newer value")->excludes(unchanged);
  command->add_flag("--skip-absent", options->skip_absent, "Not where the key is absent");
  command->add_flag("--dry-run", options->dry_run, "Say what would be done");
  command->footer(R"(
What becomes of a lost write, each said and counted:
  replayed       the key still has the value of before; written with ack `all`
  as absent      replayed, too, but the key was not there: either the lost write had made it, the usual case, or it was
                 deleted since. A deletion leaves no trace, so nobody can tell; --skip-absent leaves such writes out
  already there  the key has this value by a newer write, such as an earlier replay; or a deleted key is gone
  skipped        the key has another, newer value (--overwrite: replayed all the same); the value has expired; its
                 client has sent it again; its contents are gone
A batch is replayed whole or not at all.)");
  on_chosen(command, context, [&context, selection, options] { return replay(context, *selection, *options); });
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

  add_replay(lost, context);
}

}  // namespace gyre::cli
