#include "tools/gyre/lost_writes.h"

#include <algorithm>
#include <future>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "client/rpc.h"

namespace gyre::cli {
namespace {

using messages::LostItem;
using messages::LostRange;
using messages::LostWrite;
using messages::Mutation;

Json mutation_json(const Mutation& mutation, bool with_value) {
  Json json{{"operation", mutation.kind == Mutation::Kind::put ? "put" : "del"}};
  set_bytes(json, "key", mutation.key);
  if (mutation.kind == Mutation::Kind::del) return json;
  json["expires_at_ms"] =
      mutation.record.expires_at == kNoExpiry ? Json(nullptr) : Json(mutation.record.expires_at.value);
  json["value_bytes"] = mutation.record.value.size();
  if (with_value) set_bytes(json, "value", mutation.record.value);
  return json;
}

// What one ledger knows and the other does not: that one has heard more.
void merge(LostRecord& kept, const LostRecord& other) {
  if (auto* write = std::get_if<LostWrite>(&kept.item.loss)) {
    write->reapplied = write->reapplied || other.write()->reapplied;
  } else if (auto* range = std::get_if<LostRange>(&kept.item.loss)) {
    range->last = std::max(range->last, other.range()->last);
  }
}

std::size_t count_writes(const std::vector<LostRecord>& records, bool reapplied) {
  return static_cast<std::size_t>(std::ranges::count_if(
      records, [&](const LostRecord& r) { return r.write() != nullptr && r.write()->reapplied == reapplied; }));
}

}  // namespace

PartitionId LostRecord::partition() const {
  return std::visit([](const auto& loss) { return loss.partition; }, item.loss);
}

Position LostRecord::position() const {
  if (const LostWrite* lost = write()) return lost->position;
  return {range()->term, range()->first};
}

std::string LostRecord::id() const {
  return fmt::format("{}:{}:{}", partition().value(), position().term.value(), position().sequence.value());
}

std::uint64_t writes_in(const LostRange& range) {
  return range.last < range.first ? 0 : range.last.value() - range.first.value() + 1;
}

std::vector<LostRecord> merge_losses(std::vector<LostRecord> records) {
  const auto order = [](const LostRecord& r) { return std::tuple(r.partition(), r.position(), r.range() != nullptr); };
  std::ranges::stable_sort(records, {}, order);
  std::vector<LostRecord> merged;
  for (LostRecord& record : records) {
    if (!merged.empty() && order(merged.back()) == order(record)) {
      merge(merged.back(), record);
    } else {
      merged.push_back(std::move(record));
    }
  }
  return merged;
}

std::string client_of(const LostWrite& write) {
  return write.id.given() ? fmt::format("{:016x}#{}", write.id.client.value(), write.id.number.value()) : "-";
}

Json lost_json(const LostRecord& record, bool with_values) {
  Json json{{"id", record.id()},
            {"partition", record.partition().value()},
            {"term", record.position().term.value()},
            {"ledger_of", record.node.str()},
            {"recorded_ms", record.item.recorded.value}};
  if (const LostRange* range = record.range()) {
    json["kind"] = "range";
    json["first_sequence"] = range->first.value();
    json["last_sequence"] = range->last == messages::kUnknownLast ? Json(nullptr) : Json(range->last.value());
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
  for (const Mutation& mutation : write.mutations) json["mutations"].push_back(mutation_json(mutation, with_values));
  return json;
}

Result<std::vector<LostItem>> read_ledger(const std::string& address, Duration limit, std::uint64_t after) {
  std::vector<LostItem> items;
  for (bool more = true; more;) {
    const std::uint64_t last = items.empty() ? after : items.back().id;
    GYRE_TRY_SET(auto answer, client::call(address, messages::LostRequest{last}, limit));
    auto* page = std::get_if<messages::LostResponse>(&answer);
    if (page == nullptr) return fail(ErrorCode::unsupported, "the node keeps no ledger: it is of an older version");
    more = page->more && !page->items.empty();
    std::ranges::move(page->items, std::back_inserter(items));
  }
  return items;
}

std::size_t LedgerView::lost() const { return count_writes(records, false); }
std::size_t LedgerView::reapplied() const { return count_writes(records, true); }

std::size_t LedgerView::gone() const {
  std::size_t sum = 0;
  for (const LostRecord& record : records) sum += record.range() != nullptr ? writes_in(*record.range()) : 0;
  return sum;
}

Result<LedgerView> collect_lost_writes(const ClusterSource& source, Duration limit) {
  const ring::ClusterMap& map = *source.map;
  std::vector<std::future<Result<std::vector<LostItem>>>> pending;
  for (const auto& node : map.nodes) {
    pending.push_back(
        std::async(std::launch::async, [&node, limit] { return read_ledger(node.addresses.native, limit); }));
  }
  LedgerView found;
  for (std::size_t i = 0; i < map.nodes.size(); ++i) {
    auto items = pending[i].get();
    if (!items) {
      found.silent.push_back(map.nodes[i].id);
      continue;
    }
    for (LostItem& item : *items) found.records.push_back({map.nodes[i].id, std::move(item)});
  }
  if (found.silent.size() == map.nodes.size()) return fail(ErrorCode::unavailable, "no node of the cluster answers");
  found.records = merge_losses(std::move(found.records));
  for (std::size_t i = 0; i < map.entries.size(); ++i) {
    for (const auto& deposed : map.entries[i].deposed) {
      found.open.push_back({PartitionId(static_cast<std::uint16_t>(i)), deposed});
    }
  }
  return found;
}

}  // namespace gyre::cli
