// The cluster map, its nodes, and placements.
#include "wire/map_capnp.h"

#include <iterator>

#include <fmt/format.h>

#include "base/assert.h"
#include "wire/settings_capnp.h"

namespace gyre::wire {

namespace {

using ring::ClusterMap;
using ring::NodeInfo;
using ring::PartitionEntry;

std::vector<ring::DeposedPrimary> decode_deposed(const NodeTable& nodes, schema::PartitionEntry::Reader in) {
  const auto indices = in.getDeposed();
  const auto terms = in.getDeposedTerms();
  if (indices.size() != terms.size() || indices.size() > limits::kDeposedMax) {
    refuse(ErrorCode::invalid_argument, fmt::format("{} deposed primaries with {} terms: at most {} are allowed",
                                                    indices.size(), terms.size(), limits::kDeposedMax));
  }
  std::vector<ring::DeposedPrimary> deposed;
  deposed.reserve(indices.size());
  for (unsigned i = 0; i < terms.size(); ++i) deposed.push_back({nodes.at(indices[i]), Term(terms[i])});
  return deposed;
}

void encode_members(const std::vector<NodeId>& members, const NodeNumbers& nodes, NodeIndices::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, nodes.of(members[i]));
}

MapHead head_of(const ClusterMap& map) {
  return {map.cluster, map.epoch, map.shape, map.moves, map.nodes, map.coordinators};
}

// The nodes of the map, then those that left and are still named.
NamedNodes nodes_of(const ClusterMap& map) {
  NamedNodes nodes;
  for (const NodeInfo& node : map.nodes) nodes.add(node.id);
  for (const PartitionEntry& entry : map.entries) {
    for (const ring::DeposedPrimary& deposed : entry.deposed) nodes.add(deposed.node);
  }
  return nodes;
}

// Every node that the placement names.
NamedNodes nodes_of(const ring::Placement& placement) {
  NamedNodes nodes;
  for (const auto& members : placement.partitions) {
    for (const NodeId& node : members) nodes.add(node);
  }
  return nodes;
}

}  // namespace

bool NodeNumbers::add(const NodeId& id) {
  GYRE_ASSERT(numbers_.size() < kNobody);
  return numbers_.try_emplace(id.str(), static_cast<std::uint16_t>(numbers_.size())).second;
}

std::uint16_t NodeNumbers::of(const NodeId& id) const {
  const auto found = numbers_.find(id.str());
  GYRE_ASSERT(found != numbers_.end());
  return found->second;
}

void NamedNodes::encode(capnp::List<capnp::Text>::Builder out, std::size_t begin) const {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, text_of(ids_[begin + i]->str()));
}

std::size_t NamedNodes::words(std::size_t begin) const {
  std::size_t words = 0;
  for (std::size_t i = begin; i < ids_.size(); ++i) words += 1 + words_for_text(ids_[i]->str());
  return words;
}

const NodeId& NodeTable::at(std::uint16_t index) const {
  if (index >= ids_.size()) {
    refuse(ErrorCode::invalid_argument, fmt::format("node index {} in a list of {} nodes", index, ids_.size()));
  }
  return ids_[index];
}

std::vector<NodeId> NodeTable::members(NodeIndices::Reader indices) const {
  if (indices.size() > limits::kMembersMax) {
    refuse(ErrorCode::too_large,
           fmt::format("{} members of one partition: at most {} are allowed", indices.size(), limits::kMembersMax));
  }
  std::vector<NodeId> members;
  members.reserve(indices.size());
  for (const std::uint16_t index : indices) members.push_back(at(index));
  return members;
}

PartitionEntry decode_entry(const NodeTable& nodes, schema::PartitionEntry::Reader in) {
  PartitionEntry entry;
  entry.term = Term(in.getTerm());
  entry.version = in.getVersion();
  entry.primary_incarnation = Incarnation(in.getPrimaryIncarnation());
  if (in.getPrimary() != kNobody) entry.primary = nodes.at(in.getPrimary());
  const auto in_sync = nodes.members(in.getInSync());
  const auto generations = in.getGenerations();
  if (generations.size() != in_sync.size()) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("{} generations for {} members in sync", generations.size(), in_sync.size()));
  }
  entry.in_sync.reserve(in_sync.size());
  for (unsigned i = 0; i < generations.size(); ++i) {
    entry.in_sync.push_back({in_sync[i], Generation(generations[i])});
  }
  entry.learners = nodes.members(in.getLearners());
  entry.departed = nodes.members(in.getDeparted());
  entry.deposed = decode_deposed(nodes, in);
  return entry;
}

void encode_entry(const PartitionEntry& entry, const NodeNumbers& nodes, schema::PartitionEntry::Builder out) {
  out.setTerm(entry.term.value());
  out.setVersion(entry.version);
  out.setPrimaryIncarnation(entry.primary_incarnation.value());
  out.setPrimary(entry.primary.empty() ? kNobody : nodes.of(entry.primary));
  const auto members = static_cast<unsigned>(entry.in_sync.size());
  auto in_sync = out.initInSync(members);
  auto generations = out.initGenerations(members);
  for (unsigned i = 0; i < members; ++i) {
    in_sync.set(i, nodes.of(entry.in_sync[i].node));
    generations.set(i, entry.in_sync[i].generation.value());
  }
  encode_members(entry.learners, nodes, out.initLearners(static_cast<unsigned>(entry.learners.size())));
  if (!entry.departed.empty()) {
    encode_members(entry.departed, nodes, out.initDeparted(static_cast<unsigned>(entry.departed.size())));
  }
  if (entry.deposed.empty()) return;
  const auto count = static_cast<unsigned>(entry.deposed.size());
  auto deposed = out.initDeposed(count);
  auto terms = out.initDeposedTerms(count);
  for (unsigned i = 0; i < count; ++i) {
    deposed.set(i, nodes.of(entry.deposed[i].node));
    terms.set(i, entry.deposed[i].term.value());
  }
}

void add_named(const PartitionEntry& entry, NamedNodes& nodes) {
  nodes.add(entry.primary);
  for (const ring::InSyncMember& member : entry.in_sync) nodes.add(member.node);
  for (const NodeId& learner : entry.learners) nodes.add(learner);
  for (const NodeId& departed : entry.departed) nodes.add(departed);
  for (const ring::DeposedPrimary& deposed : entry.deposed) nodes.add(deposed.node);
}

std::size_t words_of_entry(const PartitionEntry& entry) {
  return struct_words<schema::PartitionEntry>() + words_for_indices(entry.in_sync.size()) + entry.in_sync.size() +
         words_for_indices(entry.learners.size()) + words_for_indices(entry.departed.size()) +
         words_for_indices(entry.deposed.size()) + entry.deposed.size();
}

std::vector<NodeId> decode_node_ids(Decoding& decoding, capnp::List<capnp::Text>::Reader in, std::size_t count_max) {
  std::vector<NodeId> ids;
  ids.reserve(decoding.count(in.size(), count_max, "nodes"));
  for (const auto id : in) ids.push_back(decode_node_id(id));
  return ids;
}

NodeId decode_node_id(capnp::Text::Reader text) {
  auto id = NodeId::parse({text.begin(), text.size()});
  if (!id) refuse(id.error().code, std::move(id).error().message);
  return *std::move(id);
}

Uuid decode_uuid(capnp::Text::Reader text) {
  if (text.size() == 0) return {};
  auto uuid = Uuid::parse({text.begin(), text.size()});
  if (!uuid) refuse(uuid.error().code, std::move(uuid).error().message);
  return *std::move(uuid);
}

NodeId decode_node_id_or_none(capnp::Text::Reader text) { return text.size() == 0 ? NodeId() : decode_node_id(text); }

PartitionId decode_partition(std::uint16_t number) {
  if (number >= limits::kSlots) {
    refuse(ErrorCode::invalid_argument, fmt::format("partition {}: there are at most {}", number, limits::kSlots));
  }
  return PartitionId(number);
}

std::vector<PartitionId> decode_partitions(capnp::List<std::uint16_t>::Reader in) {
  if (in.size() > limits::kSlots) {
    refuse(ErrorCode::too_large, fmt::format("{} partitions: at most {} are allowed", in.size(), limits::kSlots));
  }
  std::vector<PartitionId> partitions;
  partitions.reserve(in.size());
  for (const std::uint16_t number : in) partitions.push_back(decode_partition(number));
  return partitions;
}

void encode_partitions(const std::vector<PartitionId>& partitions, capnp::List<std::uint16_t>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, partitions[i].value());
}

NodeInfo decode_node(Decoding& decoding, schema::Node::Reader in) {
  return {.id = decode_node_id(in.getId()),
          .data_id = decode_uuid(in.getDataId()),
          .incarnation = Incarnation(in.getIncarnation()),
          .generation = Generation(in.getGeneration()),
          .zone = decoding.text(in.getZone()),
          .weight = decode_weight(in.getWeight()),
          .membership = decode_enum(in.getMembership(), ring::Membership::gone, "membership"),
          .addresses = {.native = decoding.text(in.getNative()),
                        .http = decoding.text(in.getHttp()),
                        .resp = decoding.text(in.getResp())}};
}

void encode(const NodeInfo& node, schema::Node::Builder out) {
  out.setId(text_of(node.id.str()));
  out.setDataId(text_of(node.data_id.str()));
  out.setIncarnation(node.incarnation.value());
  out.setGeneration(node.generation.value());
  out.setZone(text_of(node.zone));
  out.setWeight(node.weight);
  out.setMembership(static_cast<schema::Membership>(node.membership));
  out.setNative(text_of(node.addresses.native));
  out.setHttp(text_of(node.addresses.http));
  out.setResp(text_of(node.addresses.resp));
}

ClusterMap decode_head(Decoding& decoding, schema::ClusterMap::Reader in) {
  ClusterMap map;
  map.cluster = decode_uuid(in.getCluster());
  map.epoch = Epoch(in.getEpoch());
  map.shape = {.partitions = in.getPartitions(),
               .replication_factor = in.getReplicationFactor(),
               .min_in_sync = in.getMinInSync(),
               .vnodes = in.getVnodes(),
               .load_slack = in.getLoadSlack(),
               .timing = {.heartbeat = from_ms(in.getHeartbeatMs()),
                          .detection = from_ms(in.getDetectionMs()),
                          .lease = from_ms(in.getLeaseMs())}};
  map.moves = decode_limits(in.getMoves());
  const auto nodes = in.getNodes();
  map.nodes.reserve(decoding.count(nodes.size(), limits::kNodesMax, "nodes"));
  for (const auto node : nodes) map.nodes.push_back(decode_node(decoding, node));
  const auto coordinators = in.getCoordinators();
  map.coordinators.reserve(decoding.count(coordinators.size(), limits::kCoordinatorsMax, "coordinators"));
  for (const auto address : coordinators) map.coordinators.push_back(decoding.text(address));
  return map;
}

void encode_head(const MapHead& head, schema::ClusterMap::Builder out) {
  out.setCluster(text_of(head.cluster.str()));
  out.setEpoch(head.epoch.value());
  out.setPartitions(head.shape.partitions);
  out.setReplicationFactor(head.shape.replication_factor);
  out.setMinInSync(head.shape.min_in_sync);
  out.setVnodes(head.shape.vnodes);
  out.setLoadSlack(head.shape.load_slack);
  out.setHeartbeatMs(static_cast<std::uint32_t>(to_ms(head.shape.timing.heartbeat)));
  out.setDetectionMs(static_cast<std::uint32_t>(to_ms(head.shape.timing.detection)));
  out.setLeaseMs(static_cast<std::uint32_t>(to_ms(head.shape.timing.lease)));
  encode_limits(head.moves, out.initMoves());
  auto nodes = out.initNodes(static_cast<unsigned>(head.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) encode(head.nodes[i], nodes[i]);
  auto coordinators = out.initCoordinators(static_cast<unsigned>(head.coordinators.size()));
  for (unsigned i = 0; i < coordinators.size(); ++i) coordinators.set(i, text_of(head.coordinators[i]));
}

std::size_t words_of_head(const MapHead& head) {
  std::size_t words = struct_words<schema::ClusterMap>() + struct_words<schema::MoveLimits>() + kListTagWords +
                      words_for_text(head.cluster.str());
  for (const NodeInfo& node : head.nodes) words += words_of(node);
  for (const std::string& address : head.coordinators) words += 1 + words_for_text(address);
  return words;
}

ring::ClusterMapPtr decode_map(Decoding& decoding, schema::ClusterMap::Reader in) {
  auto map = std::make_shared<ClusterMap>(decode_head(decoding, in));
  std::vector<NodeId> ids;
  ids.reserve(map->nodes.size());
  for (const NodeInfo& node : map->nodes) ids.push_back(node.id);
  std::ranges::move(decode_node_ids(decoding, in.getLeft(), kLeftMax), std::back_inserter(ids));
  const NodeTable table(std::move(ids));
  const auto entries = in.getEntries();
  map->entries.reserve(decoding.count(entries.size(), limits::kSlots, "partitions"));
  for (const auto entry : entries) map->entries.push_back(decode_entry(table, entry));
  if (auto valid = ring::validate(*map); !valid) refuse(valid.error().code, std::move(valid).error().message);
  return map;
}

void encode(const ClusterMap& map, schema::ClusterMap::Builder out) {
  encode_head(head_of(map), out);
  const NamedNodes named = nodes_of(map);
  const std::size_t left = named.size() - map.nodes.size();
  if (left > 0) named.encode(out.initLeft(static_cast<unsigned>(left)), map.nodes.size());
  auto entries = out.initEntries(static_cast<unsigned>(map.entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i) encode_entry(map.entries[i], named.numbers(), entries[i]);
}

std::size_t words_of(const ClusterMap& map) {
  std::size_t words = words_of_head(head_of(map)) + nodes_of(map).words(map.nodes.size()) + kListTagWords;
  for (const PartitionEntry& entry : map.entries) words += words_of_entry(entry);
  return words;
}

ring::Placement decode_placement(Decoding& decoding, schema::Placement::Reader in) {
  const NodeTable table(decode_node_ids(decoding, in.getNodes(), kNamedMax));
  const auto partitions = in.getPartitions();
  if (partitions.size() > limits::kSlots) {
    refuse(ErrorCode::too_large,
           fmt::format("{} partitions: at most {} are allowed", partitions.size(), limits::kSlots));
  }
  ring::Placement placement;
  placement.partitions.reserve(partitions.size());
  for (const auto members : partitions) placement.partitions.push_back(table.members(members));
  return placement;
}

void encode(const ring::Placement& placement, schema::Placement::Builder out) {
  const NamedNodes nodes = nodes_of(placement);
  nodes.encode(out.initNodes(nodes.size()));
  auto partitions = out.initPartitions(static_cast<unsigned>(placement.partitions.size()));
  for (unsigned i = 0; i < partitions.size(); ++i) {
    const auto& members = placement.partitions[i];
    encode_members(members, nodes.numbers(), partitions.init(i, static_cast<unsigned>(members.size())));
  }
}

std::size_t words_of(const ring::Placement& placement) {
  std::size_t words = struct_words<schema::Placement>() + nodes_of(placement).words();
  for (const auto& members : placement.partitions) words += 1 + words_for_indices(members.size());
  return words;
}

std::size_t words_of(const NodeInfo& node) {
  return struct_words<schema::Node>() + words_for_text(node.id.str()) + words_for_text(node.data_id.str()) +
         words_for_text(node.zone) + words_for_text(node.addresses.native) + words_for_text(node.addresses.http) +
         words_for_text(node.addresses.resp);
}

}  // namespace gyre::wire
