// The cluster map, its nodes, and placements. Nodes are listed once and named by index everywhere else.
#include <unordered_map>

#include <fmt/format.h>

#include "base/assert.h"
#include "wire/codec_capnp.h"

namespace gyre::wire {

namespace {

using ring::ClusterMap;
using ring::NodeInfo;
using ring::PartitionEntry;
using NodeIndices = capnp::List<std::uint16_t>;

// The entry has no primary.
constexpr std::uint16_t kNobody = 0xffff;
static_assert(2 * limits::kNodesMax < kNobody);

// Numbers nodes for encoding: by their place in the list that goes into the message.
class NodeNumbers {
 public:
  void add(const NodeId& id) { numbers_.try_emplace(id.str(), static_cast<std::uint16_t>(numbers_.size())); }
  std::uint16_t of(const NodeId& id) const {
    const auto found = numbers_.find(id.str());
    GYRE_ASSERT(found != numbers_.end());
    return found->second;
  }
  bool contains(const NodeId& id) const { return numbers_.contains(id.str()); }

 private:
  std::unordered_map<std::string_view, std::uint16_t> numbers_;
};

ring::Membership decode_membership(schema::Membership membership) {
  switch (membership) {
    case schema::Membership::ACTIVE: return ring::Membership::active;
    case schema::Membership::DRAINING: return ring::Membership::draining;
  }
  refuse_unknown("membership", static_cast<unsigned>(membership));
}

// The node ids behind decoded indices.
class NodeTable {
 public:
  explicit NodeTable(std::vector<NodeId> ids) : ids_(std::move(ids)) {}

  const NodeId& at(std::uint16_t index) const {
    if (index >= ids_.size()) {
      refuse(ErrorCode::invalid_argument, fmt::format("node index {} in a list of {} nodes", index, ids_.size()));
    }
    return ids_[index];
  }

  std::vector<NodeId> members(NodeIndices::Reader indices) const {
    if (indices.size() > limits::kMembersMax) {
      refuse(ErrorCode::too_large,
             fmt::format("{} members of one partition: at most {} are allowed", indices.size(), limits::kMembersMax));
    }
    std::vector<NodeId> members;
    members.reserve(indices.size());
    for (const std::uint16_t index : indices) members.push_back(at(index));
    return members;
  }

 private:
  std::vector<NodeId> ids_;
};

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

void encode_members(const std::vector<NodeId>& members, const NodeNumbers& nodes, NodeIndices::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, nodes.of(members[i]));
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

constexpr std::size_t words_for_indices(std::size_t count) { return words_for(count * sizeof(std::uint16_t)); }

// Every node that the placement names, in the order of first appearance.
std::vector<NodeId> nodes_of(const ring::Placement& placement) {
  std::vector<NodeId> nodes;
  NodeNumbers seen;
  for (const auto& members : placement.partitions) {
    for (const NodeId& node : members) {
      if (seen.contains(node)) continue;
      seen.add(node);
      nodes.push_back(node);
    }
  }
  return nodes;
}

}  // namespace

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
  const double weight = in.getWeight();
  if (!(weight > 0 && weight <= limits::kWeightMax)) {  // also refuses what is no number
    refuse(ErrorCode::invalid_argument,
           fmt::format("a weight of {}: above 0, at most {} is wanted", weight, limits::kWeightMax));
  }
  return {.id = decode_node_id(in.getId()),
          .data_id = decode_uuid(in.getDataId()),
          .incarnation = Incarnation(in.getIncarnation()),
          .generation = Generation(in.getGeneration()),
          .zone = decoding.text(in.getZone()),
          .weight = weight,
          .membership = decode_membership(in.getMembership()),
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
  out.setMembership(node.membership == ring::Membership::draining ? schema::Membership::DRAINING
                                                                  : schema::Membership::ACTIVE);
  out.setNative(text_of(node.addresses.native));
  out.setHttp(text_of(node.addresses.http));
  out.setResp(text_of(node.addresses.resp));
}

ring::ClusterMapPtr decode_map(Decoding& decoding, schema::ClusterMap::Reader in) {
  auto map = std::make_shared<ClusterMap>();
  map->cluster = decode_uuid(in.getCluster());
  map->epoch = Epoch(in.getEpoch());
  map->shape = {.partitions = in.getPartitions(),
                .replication_factor = in.getReplicationFactor(),
                .min_in_sync = in.getMinInSync(),
                .vnodes = in.getVnodes(),
                .load_slack = in.getLoadSlack(),
                .timing = {.heartbeat = from_ms(in.getHeartbeatMs()),
                           .detection = from_ms(in.getDetectionMs()),
                           .lease = from_ms(in.getLeaseMs())}};
  const auto nodes = in.getNodes();
  map->nodes.reserve(decoding.count(nodes.size(), limits::kNodesMax, "nodes"));
  std::vector<NodeId> ids;
  ids.reserve(nodes.size());
  for (const auto node : nodes) {
    map->nodes.push_back(decode_node(decoding, node));
    ids.push_back(map->nodes.back().id);
  }
  const auto coordinators = in.getCoordinators();
  map->coordinators.reserve(decoding.count(coordinators.size(), limits::kCoordinatorsMax, "coordinators"));
  for (const auto address : coordinators) map->coordinators.push_back(decoding.text(address));
  const NodeTable table(std::move(ids));
  const auto entries = in.getEntries();
  map->entries.reserve(decoding.count(entries.size(), limits::kSlots, "partitions"));
  for (const auto entry : entries) map->entries.push_back(decode_entry(table, entry));
  if (auto valid = ring::validate(*map); !valid) refuse(valid.error().code, std::move(valid).error().message);
  return map;
}

void encode(const ClusterMap& map, schema::ClusterMap::Builder out) {
  out.setCluster(text_of(map.cluster.str()));
  out.setEpoch(map.epoch.value());
  out.setPartitions(map.shape.partitions);
  out.setReplicationFactor(map.shape.replication_factor);
  out.setMinInSync(map.shape.min_in_sync);
  out.setVnodes(map.shape.vnodes);
  out.setLoadSlack(map.shape.load_slack);
  out.setHeartbeatMs(static_cast<std::uint32_t>(to_ms(map.shape.timing.heartbeat)));
  out.setDetectionMs(static_cast<std::uint32_t>(to_ms(map.shape.timing.detection)));
  out.setLeaseMs(static_cast<std::uint32_t>(to_ms(map.shape.timing.lease)));
  NodeNumbers numbers;
  auto nodes = out.initNodes(static_cast<unsigned>(map.nodes.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    numbers.add(map.nodes[i].id);
    encode(map.nodes[i], nodes[i]);
  }
  auto coordinators = out.initCoordinators(static_cast<unsigned>(map.coordinators.size()));
  for (unsigned i = 0; i < coordinators.size(); ++i) coordinators.set(i, text_of(map.coordinators[i]));
  auto entries = out.initEntries(static_cast<unsigned>(map.entries.size()));
  for (unsigned i = 0; i < entries.size(); ++i) encode_entry(map.entries[i], numbers, entries[i]);
}

ring::Placement decode_placement(Decoding& decoding, schema::Placement::Reader in) {
  std::vector<NodeId> ids;
  const auto nodes = in.getNodes();
  ids.reserve(decoding.count(nodes.size(), 2 * limits::kNodesMax, "nodes"));
  for (const auto id : nodes) ids.push_back(decode_node_id(id));
  const NodeTable table(std::move(ids));
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
  const auto ids = nodes_of(placement);
  NodeNumbers numbers;
  auto nodes = out.initNodes(static_cast<unsigned>(ids.size()));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    numbers.add(ids[i]);
    nodes.set(i, text_of(ids[i].str()));
  }
  auto partitions = out.initPartitions(static_cast<unsigned>(placement.partitions.size()));
  for (unsigned i = 0; i < partitions.size(); ++i) {
    const auto& members = placement.partitions[i];
    encode_members(members, numbers, partitions.init(i, static_cast<unsigned>(members.size())));
  }
}

std::size_t words_of(const NodeInfo& node) {
  return struct_words<schema::Node>() + words_for_text(node.id.str()) + words_for_text(node.data_id.str()) +
         words_for_text(node.zone) + words_for_text(node.addresses.native) + words_for_text(node.addresses.http) +
         words_for_text(node.addresses.resp);
}

std::size_t words_of(const ClusterMap& map) {
  std::size_t words = struct_words<schema::ClusterMap>() + 2 * kListTagWords + words_for_text(map.cluster.str());
  for (const NodeInfo& node : map.nodes) words += words_of(node);
  for (const std::string& address : map.coordinators) words += 1 + words_for_text(address);
  for (const PartitionEntry& entry : map.entries) {
    words += struct_words<schema::PartitionEntry>() + words_for_indices(entry.in_sync.size()) + entry.in_sync.size() +
             words_for_indices(entry.learners.size()) + words_for_indices(entry.departed.size()) +
             words_for_indices(entry.deposed.size()) + entry.deposed.size();
  }
  return words;
}

std::size_t words_of(const ring::Placement& placement) {
  std::size_t words = struct_words<schema::Placement>();
  for (const NodeId& node : nodes_of(placement)) words += 1 + words_for_text(node.str());
  for (const auto& members : placement.partitions) words += 1 + words_for_indices(members.size());
  return words;
}

}  // namespace gyre::wire
