// One-way messages between nodes and the coordinator.
#include <limits>

#include "wire/admin_capnp.h"
#include "wire/message_capnp.h"

namespace gyre::wire {

namespace {

using messages::LoadReport;
using messages::NodeEvent;
using messages::Order;
using messages::PartitionTerm;
using messages::PollAnswer;
using messages::SealAnswer;

constexpr std::size_t kPartitionsMax = limits::kSlots;

void encode_partition_terms(const std::vector<PartitionTerm>& terms, capnp::List<schema::PartitionTerm>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) encode_partition_term(terms[i].partition, terms[i].term, out[i]);
}

std::size_t words_of_terms(const std::vector<PartitionTerm>& terms) {
  return kListTagWords + terms.size() * struct_words<schema::PartitionTerm>();
}

// Rounded up: who waits for a lease to end must not wait too short.
std::uint32_t lease_left_ms(Duration left) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(ms, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

PartitionTerm decode_partition_term(schema::PartitionTerm::Reader in) {
  return {decode_partition(in.getPartition()), Term(in.getTerm())};
}

void encode_partition_term(PartitionId partition, Term term, schema::PartitionTerm::Builder out) {
  out.setPartition(partition.value());
  out.setTerm(term.value());
}

std::vector<PartitionTerm> decode_partition_terms(Decoding& decoding, capnp::List<schema::PartitionTerm>::Reader in) {
  std::vector<PartitionTerm> terms;
  terms.reserve(decoding.count(in.size(), kPartitionsMax, "partitions"));
  for (const auto term : in) terms.push_back(decode_partition_term(term));
  return terms;
}

messages::Poll decode_body(Decoding& decoding, schema::Poll::Reader in) {
  return {.suspect = decode_node_id(in.getSuspect()),
          .partitions = decode_partition_terms(decoding, in.getPartitions())};
}

Order decode_body(Decoding&, schema::Order::Reader in) {
  return {.kind = decode_enum(in.getKind(), Order::Kind::release, "order"),
          .partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .node = decode_node_id(in.getNode()),
          .incarnation = Incarnation(in.getIncarnation())};
}

PollAnswer decode_body(Decoding& decoding, capnp::List<schema::PollAnswerItem>::Reader in) {
  PollAnswer answer;
  answer.items.reserve(decoding.count(in.size(), kPartitionsMax, "partitions"));
  for (const auto item : in) {
    answer.items.push_back({decode_partition(item.getPartition()), Term(item.getTerm()), item.getAlive()});
  }
  return answer;
}

SealAnswer decode_body(Decoding& decoding, schema::SealAnswer::Reader in) {
  SealAnswer answer;
  answer.generation = Generation(in.getGeneration());
  const auto items = in.getItems();
  answer.items.reserve(decoding.count(items.size(), kPartitionsMax, "partitions"));
  for (const auto item : items) {
    answer.items.push_back({.partition = decode_partition(item.getPartition()),
                            .promised = Term(item.getPromised()),
                            .position = position_of(item),
                            .whole = item.getWhole(),
                            .lease_left = from_ms(item.getLeaseLeftMs())});
  }
  return answer;
}

messages::SetInSync decode_body(Decoding& decoding, schema::SetInSync::Reader in) {
  messages::SetInSync set;
  set.partition = decode_partition(in.getPartition());
  set.term = Term(in.getTerm());
  set.version = in.getVersion();
  const auto members = in.getInSync();
  set.in_sync.reserve(decoding.count(members.size(), limits::kMembersMax, "members of one partition"));
  for (const auto member : members) {
    set.in_sync.push_back({decode_node_id(member.getNode()), Generation(member.getGeneration())});
  }
  set.release = in.getRelease();
  return set;
}

messages::HandedOver decode_body(Decoding&, schema::HandedOver::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .successor = decode_node_id_or_none(in.getSuccessor())};
}

messages::PeerDown decode_body(Decoding&, schema::PeerDown::Reader in) {
  return {.peer = decode_node_id(in.getPeer()),
          .incarnation = Incarnation(in.getIncarnation()),
          .refused = in.getRefused()};
}

NodeEvent decode_body(Decoding& decoding, schema::NodeEvent::Reader in) {
  return {.kind = decode_enum(in.getKind(), NodeEvent::Kind::retired, "event"),
          .partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .count = in.getCount(),
          .detail = decoding.text(in.getDetail())};
}

LoadReport decode_body(Decoding& decoding, schema::LoadReport::Reader in) {
  LoadReport report;
  report.items = decode_load_items(decoding, in.getItems());
  const auto transfers = in.getTransfers();
  report.transfers.reserve(decoding.count(transfers.size(), kPartitionsMax, "copies"));
  for (const auto transfer : transfers) {
    report.transfers.push_back({.partition = decode_partition(transfer.getPartition()),
                                .to = decode_node_id(transfer.getTo()),
                                .bytes_sent = transfer.getBytesSent(),
                                .bytes_total = transfer.getBytesTotal()});
  }
  report.p99_us = in.getP99Us();
  report.rest_p99_us = in.getRestP99Us();
  report.faults = in.getFaults();
  return report;
}

std::vector<LoadReport::Item> decode_load_items(Decoding& decoding, capnp::List<schema::LoadItem>::Reader in) {
  std::vector<LoadReport::Item> items;
  items.reserve(decoding.count(in.size(), kPartitionsMax, "partitions"));
  for (const auto item : in) {
    items.push_back({.partition = decode_partition(item.getPartition()),
                     .reads_per_second = item.getReadsPerSecond(),
                     .writes_per_second = item.getWritesPerSecond(),
                     .bytes = item.getBytes()});
  }
  return items;
}

void encode_load_items(const std::vector<LoadReport::Item>& items, capnp::List<schema::LoadItem>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    auto item = out[i];
    item.setPartition(items[i].partition.value());
    item.setReadsPerSecond(items[i].reads_per_second);
    item.setWritesPerSecond(items[i].writes_per_second);
    item.setBytes(items[i].bytes);
  }
}

std::size_t words_of_load_items(const std::vector<LoadReport::Item>& items) {
  return kListTagWords + items.size() * struct_words<schema::LoadItem>();
}

void EncodeMessage::operator()(const messages::Poll& poll) {
  auto builder = out.initPoll();
  builder.setSuspect(text_of(poll.suspect.str()));
  encode_partition_terms(poll.partitions, builder.initPartitions(size_of(poll.partitions)));
}

void EncodeMessage::operator()(const messages::Seal& seal) {
  encode_partition_terms(seal.partitions, out.initSeal(size_of(seal.partitions)));
}

void EncodeMessage::operator()(const Order& order) {
  auto builder = out.initOrder();
  builder.setKind(static_cast<schema::Order::Kind>(order.kind));
  builder.setPartition(order.partition.value());
  builder.setTerm(order.term.value());
  builder.setNode(text_of(order.node.str()));
  builder.setIncarnation(order.incarnation.value());
}

void EncodeMessage::operator()(const messages::MapPush& push) { encode(push.update, out.initMapPush()); }

void EncodeMessage::operator()(const PollAnswer& answer) {
  auto items = out.initPollAnswer(size_of(answer.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    auto item = items[i];
    item.setPartition(answer.items[i].partition.value());
    item.setTerm(answer.items[i].term.value());
    item.setAlive(answer.items[i].alive);
  }
}

void EncodeMessage::operator()(const SealAnswer& answer) {
  auto builder = out.initSealAnswer();
  builder.setGeneration(answer.generation.value());
  auto items = builder.initItems(size_of(answer.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    auto item = items[i];
    item.setPartition(answer.items[i].partition.value());
    item.setWhole(answer.items[i].whole);
    item.setLeaseLeftMs(lease_left_ms(answer.items[i].lease_left));
    item.setPromised(answer.items[i].promised.value());
    set_position(item, answer.items[i].position);
  }
}

void EncodeMessage::operator()(const messages::SetInSync& set) {
  auto builder = out.initSetInSync();
  builder.setPartition(set.partition.value());
  builder.setRelease(set.release);
  builder.setTerm(set.term.value());
  builder.setVersion(set.version);
  auto members = builder.initInSync(size_of(set.in_sync));
  for (unsigned i = 0; i < members.size(); ++i) {
    auto member = members[i];
    member.setNode(text_of(set.in_sync[i].node.str()));
    member.setGeneration(set.in_sync[i].generation.value());
  }
}

void EncodeMessage::operator()(const messages::HandedOver& handed_over) {
  auto builder = out.initHandedOver();
  builder.setPartition(handed_over.partition.value());
  builder.setTerm(handed_over.term.value());
  builder.setSuccessor(text_of(handed_over.successor.str()));
}

void EncodeMessage::operator()(const messages::PeerDown& down) {
  auto builder = out.initPeerDown();
  builder.setPeer(text_of(down.peer.str()));
  builder.setIncarnation(down.incarnation.value());
  builder.setRefused(down.refused);
}

void EncodeMessage::operator()(const messages::Promises& promises) {
  encode_partition_terms(promises.partitions, out.initPromises(size_of(promises.partitions)));
}

void EncodeMessage::operator()(const messages::Leaving&) { out.setLeaving(); }

void EncodeMessage::operator()(const messages::Accounted& accounted) {
  encode_partition_term(accounted.partition, accounted.term, out.initAccounted());
}

void EncodeMessage::operator()(const NodeEvent& event) {
  auto builder = out.initNodeEvent();
  builder.setKind(static_cast<schema::NodeEvent::Kind>(event.kind));
  builder.setPartition(event.partition.value());
  builder.setTerm(event.term.value());
  builder.setCount(event.count);
  copy_cut(event.detail, builder.initDetail(static_cast<unsigned>(cut_bytes(event.detail))));
}

void EncodeMessage::operator()(const LoadReport& report) {
  auto builder = out.initLoadReport();
  encode_load_items(report.items, builder.initItems(size_of(report.items)));
  auto transfers = builder.initTransfers(size_of(report.transfers));
  for (unsigned i = 0; i < transfers.size(); ++i) {
    auto transfer = transfers[i];
    transfer.setPartition(report.transfers[i].partition.value());
    transfer.setTo(text_of(report.transfers[i].to.str()));
    transfer.setBytesSent(report.transfers[i].bytes_sent);
    transfer.setBytesTotal(report.transfers[i].bytes_total);
  }
  builder.setP99Us(report.p99_us);
  builder.setRestP99Us(report.rest_p99_us);
  builder.setFaults(report.faults);
}

void EncodeMessage::operator()(const messages::Retired& retired) { out.setRetired(retired.partition.value()); }

std::size_t MessageWords::operator()(const messages::Poll& poll) const {
  return struct_words<schema::Poll>() + words_for_text(poll.suspect.str()) + words_of_terms(poll.partitions);
}

std::size_t MessageWords::operator()(const messages::Seal& seal) const { return words_of_terms(seal.partitions); }

std::size_t MessageWords::operator()(const Order& order) const {
  return struct_words<schema::Order>() + words_for_text(order.node.str());
}

std::size_t MessageWords::operator()(const messages::MapPush& push) const { return words_of(push.update); }

std::size_t MessageWords::operator()(const PollAnswer& answer) const {
  return kListTagWords + answer.items.size() * struct_words<schema::PollAnswerItem>();
}

std::size_t MessageWords::operator()(const SealAnswer& answer) const {
  return struct_words<schema::SealAnswer>() + kListTagWords +
         answer.items.size() * struct_words<schema::SealAnswer::Item>();
}

std::size_t MessageWords::operator()(const messages::SetInSync& set) const {
  std::size_t words = struct_words<schema::SetInSync>() + kListTagWords;
  for (const ring::InSyncMember& member : set.in_sync) {
    words += struct_words<schema::SetInSync::Member>() + words_for_text(member.node.str());
  }
  return words;
}

std::size_t MessageWords::operator()(const messages::HandedOver& handed_over) const {
  return struct_words<schema::HandedOver>() + words_for_text(handed_over.successor.str());
}

std::size_t MessageWords::operator()(const messages::PeerDown& down) const {
  return struct_words<schema::PeerDown>() + words_for_text(down.peer.str());
}

std::size_t MessageWords::operator()(const messages::Promises& promises) const {
  return words_of_terms(promises.partitions);
}

std::size_t MessageWords::operator()(const messages::Leaving&) const { return 0; }

std::size_t MessageWords::operator()(const messages::Accounted&) const { return struct_words<schema::PartitionTerm>(); }

std::size_t MessageWords::operator()(const NodeEvent& event) const {
  return struct_words<schema::NodeEvent>() + words_for(cut_bytes(event.detail) + 1);
}

std::size_t MessageWords::operator()(const LoadReport& report) const {
  std::size_t words = struct_words<schema::LoadReport>() + words_of_load_items(report.items) + kListTagWords;
  for (const LoadReport::Transfer& transfer : report.transfers) {
    words += struct_words<schema::LoadReport::Transfer>() + words_for_text(transfer.to.str());
  }
  return words;
}

std::size_t MessageWords::operator()(const messages::Retired&) const { return 0; }

}  // namespace gyre::wire
