// What changed between two maps.
#include <algorithm>

#include <fmt/format.h>

#include "wire/map_capnp.h"

namespace gyre::wire {

namespace {

using ring::MapDelta;
using ring::MapUpdate;
using ring::PartitionEntry;

MapHead head_of(const MapDelta& delta) {
  return {delta.cluster, delta.to, delta.shape, delta.moves, delta.nodes, delta.coordinators};
}

// Every node that the entries name.
NamedNodes nodes_of(const MapDelta& delta) {
  NamedNodes nodes;
  for (const auto& [partition, entry] : delta.entries) add_named(entry, nodes);
  return nodes;
}

void refuse_unless_ordered(bool ordered, std::string_view what) {
  if (!ordered) refuse(ErrorCode::invalid_argument, fmt::format("a change of the map lists {} out of order", what));
}

std::vector<std::pair<PartitionId, PartitionEntry>> decode_entries(Decoding& decoding, schema::MapDelta::Reader in,
                                                                   std::uint32_t partitions_max) {
  const NodeTable table(decode_node_ids(decoding, in.getNamed(), limits::kNodesMax + kLeftMax));
  const auto partitions = in.getPartitions();
  const auto entries = in.getEntries();
  if (partitions.size() != entries.size()) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("a change of the map has {} entries for {} partitions", entries.size(), partitions.size()));
  }
  std::vector<std::pair<PartitionId, PartitionEntry>> changed;
  changed.reserve(decoding.count(entries.size(), limits::kSlots, "partitions"));
  for (unsigned i = 0; i < entries.size(); ++i) {
    const PartitionId partition = decode_partition(partitions[i]);
    if (partition.value() >= partitions_max) {
      refuse(ErrorCode::invalid_argument,
             fmt::format("a change of partition {} of a map of {}", partition.value(), partitions_max));
    }
    refuse_unless_ordered(changed.empty() || changed.back().first < partition, "partitions");
    changed.emplace_back(partition, decode_entry(table, entries[i]));
  }
  return changed;
}

// Whether it fits some map, and what comes of it, is checked when it is applied.
ring::MapDeltaPtr decode_delta(Decoding& decoding, schema::MapDelta::Reader in) {
  auto head = decode_head(decoding, in.getHead());
  auto delta = std::make_shared<MapDelta>();
  delta->cluster = std::move(head.cluster);
  delta->from = Epoch(in.getFrom());
  delta->to = head.epoch;
  delta->shape = head.shape;
  delta->moves = head.moves;
  delta->coordinators = std::move(head.coordinators);
  delta->nodes = std::move(head.nodes);
  delta->gone = decode_node_ids(decoding, in.getGone(), kLeftMax);
  delta->entries = decode_entries(decoding, in, delta->shape.partitions);
  if (delta->from > delta->to) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("a change of the map from epoch {} back to {}", delta->from.value(), delta->to.value()));
  }
  const auto id = [](const ring::NodeInfo& node) -> const NodeId& { return node.id; };
  const auto unordered = [](const NodeId& left, const NodeId& right) { return !(left < right); };
  refuse_unless_ordered(std::ranges::adjacent_find(delta->nodes, unordered, id) == delta->nodes.end(), "nodes");
  refuse_unless_ordered(std::ranges::adjacent_find(delta->gone, unordered) == delta->gone.end(), "nodes that left");
  return delta;
}

void encode_delta(const MapDelta& delta, schema::MapDelta::Builder out) {
  out.setFrom(delta.from.value());
  encode_head(head_of(delta), out.initHead());
  auto gone = out.initGone(static_cast<unsigned>(delta.gone.size()));
  for (unsigned i = 0; i < gone.size(); ++i) gone.set(i, text_of(delta.gone[i].str()));
  const NamedNodes nodes = nodes_of(delta);
  nodes.encode(out.initNamed(nodes.size()));
  const auto count = static_cast<unsigned>(delta.entries.size());
  auto partitions = out.initPartitions(count);
  auto entries = out.initEntries(count);
  for (unsigned i = 0; i < count; ++i) {
    partitions.set(i, delta.entries[i].first.value());
    encode_entry(delta.entries[i].second, nodes.numbers(), entries[i]);
  }
}

std::size_t words_of_delta(const MapDelta& delta) {
  std::size_t words = struct_words<schema::MapDelta>() + words_of_head(head_of(delta)) + nodes_of(delta).words() +
                      words_for_indices(delta.entries.size()) + kListTagWords;
  for (const NodeId& node : delta.gone) words += 1 + words_for_text(node.str());
  for (const auto& [partition, entry] : delta.entries) words += words_of_entry(entry);
  return words;
}

}  // namespace

MapUpdate decode_update(Decoding& decoding, schema::MapUpdate::Reader in) {
  switch (in.which()) {
    case schema::MapUpdate::NONE: return {};
    case schema::MapUpdate::WHOLE: return {decode_map(decoding, in.getWhole()), nullptr};
    case schema::MapUpdate::DELTA: return {nullptr, decode_delta(decoding, in.getDelta())};
  }
  refuse_unknown("update of the map", in.which());
}

void encode(const MapUpdate& update, schema::MapUpdate::Builder out) {
  if (update.map) return encode(*update.map, out.initWhole());
  if (update.delta) return encode_delta(*update.delta, out.initDelta());
  out.setNone();
}

std::size_t words_of(const MapUpdate& update) {
  std::size_t words = struct_words<schema::MapUpdate>();
  if (update.map) return words + words_of(*update.map);
  return update.delta ? words + words_of_delta(*update.delta) : words;
}

}  // namespace gyre::wire
