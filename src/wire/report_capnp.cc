#include "wire/report_capnp.h"

namespace gyre::wire {

namespace {

using messages::ClusterEvent;
using messages::LostItem;
using messages::LostRange;
using messages::LostWrite;
using messages::PartitionStatus;

PartitionStatus decode_status(Decoding& decoding, schema::PartitionStatus::Reader in) {
  PartitionStatus status;
  status.partition = decode_partition(in.getPartition());
  status.role = decode_enum(in.getRole(), PartitionStatus::Role::broken, "role");
  status.serving = in.getServing();
  status.term = Term(in.getTerm());
  status.position = position_of(in.getPosition());
  status.promised = Term(in.getPromised());
  status.whole = in.getWhole();
  status.why = decoding.text(in.getWhy());
  const auto members = in.getMembers();
  status.members.reserve(decoding.count(members.size(), limits::kMembersMax, "members of one partition"));
  for (const auto member : members) {
    status.members.push_back({.node = decode_node_id(member.getNode()),
                              .acknowledged = position_of(member.getAcknowledged()),
                              .behind = member.getBehind(),
                              .lag_ms = decode_ms_or_never(member.getLagMs()),
                              .lease_left_ms = member.getLeaseLeftMs(),
                              .counted = member.getCounted()});
  }
  return status;
}

void encode_status(const PartitionStatus& status, schema::PartitionStatus::Builder out) {
  out.setPartition(status.partition.value());
  out.setRole(static_cast<schema::PartitionStatus::Role>(status.role));
  out.setServing(status.serving);
  out.setTerm(status.term.value());
  set_position(out.getPosition(), status.position);
  out.setPromised(status.promised.value());
  out.setWhole(status.whole);
  copy_cut(status.why, out.initWhy(static_cast<unsigned>(cut_bytes(status.why))));
  auto members = out.initMembers(size_of(status.members));
  for (unsigned i = 0; i < members.size(); ++i) {
    const PartitionStatus::Member& member = status.members[i];
    auto builder = members[i];
    builder.setNode(text_of(member.node.str()));
    set_position(builder.getAcknowledged(), member.acknowledged);
    builder.setBehind(member.behind);
    builder.setLagMs(member.lag_ms);
    builder.setLeaseLeftMs(member.lease_left_ms);
    builder.setCounted(member.counted);
  }
}

messages::Loss decode_loss(Decoding& decoding, schema::LostPage::Item::Reader in) {
  const PartitionId partition = decode_partition(in.getPartition());
  const Term term(in.getTerm());
  switch (in.which()) {
    case schema::LostPage::Item::WRITE: {
      const auto write = in.getWrite();
      const Position position{term, Sequence(write.getSequence())};
      return LostWrite{.partition = partition,
                       .position = position,
                       .time = decode_time(write.getTimeMs()),
                       .id = {ClientId(write.getClient()), WriteNumber(write.getNumber())},
                       .mutations = decode_mutations(decoding, write.getMutations(), position),
                       .reapplied = write.getReapplied()};
    }
    case schema::LostPage::Item::RANGE: {
      const auto range = in.getRange();
      return LostRange{.partition = partition,
                       .term = term,
                       .first = Sequence(range.getFirst()),
                       .last = Sequence(range.getLast()),
                       .why = decoding.text(range.getWhy())};
    }
  }
  refuse_unknown("loss", in.which());
}

struct EncodeLoss {
  schema::LostPage::Item::Builder out;

  void operator()(const LostWrite& lost) {
    out.setPartition(lost.partition.value());
    out.setTerm(lost.position.term.value());
    auto write = out.initWrite();
    write.setSequence(lost.position.sequence.value());
    write.setTimeMs(lost.time.value);
    write.setClient(lost.id.client.value());
    write.setNumber(lost.id.number.value());
    write.setReapplied(lost.reapplied);
    encode_list(lost.mutations, write.initMutations(size_of(lost.mutations)));
  }
  void operator()(const LostRange& lost) {
    out.setPartition(lost.partition.value());
    out.setTerm(lost.term.value());
    auto range = out.initRange();
    range.setFirst(lost.first.value());
    range.setLast(lost.last.value());
    copy_cut(lost.why, range.initWhy(static_cast<unsigned>(cut_bytes(lost.why))));
  }
};

struct LossWords {
  std::size_t operator()(const LostWrite& lost) const { return words_of_list(lost.mutations); }
  std::size_t operator()(const LostRange& lost) const { return words_for(cut_bytes(lost.why) + 1); }
};

}  // namespace

messages::PartitionsResponse decode_partition_statuses(Decoding& decoding,
                                                       capnp::List<schema::PartitionStatus>::Reader in) {
  messages::PartitionsResponse response;
  response.partitions.reserve(decoding.count(in.size(), limits::kSlots, "partitions"));
  for (const auto status : in) response.partitions.push_back(decode_status(decoding, status));
  return response;
}

messages::DigestResponse decode_digest(schema::Digest::Reader in) {
  return {.position = position_of(in.getPosition()),
          .records = in.getRecords(),
          .digest = in.getDigest(),
          .whole = in.getWhole()};
}

messages::LostResponse decode_lost(Decoding& decoding, schema::LostPage::Reader in) {
  messages::LostResponse response;
  const auto items = in.getItems();
  response.items.reserve(decoding.count(items.size(), limits::kLostPageItemsMax, "losses in one page"));
  for (const auto item : items) {
    response.items.push_back(
        {.id = item.getId(), .recorded = decode_time(item.getRecordedMs()), .loss = decode_loss(decoding, item)});
  }
  response.more = in.getMore();
  return response;
}

messages::EventsResponse decode_events(Decoding& decoding, schema::EventsPage::Reader in) {
  messages::EventsResponse response;
  const auto events = in.getEvents();
  response.events.reserve(decoding.count(events.size(), limits::kEventsPageItemsMax, "events in one page"));
  for (const auto event : events) {
    response.events.push_back({.id = event.getId(),
                               .time = decode_time(event.getTimeMs()),
                               .kind = decoding.text(event.getKind()),
                               .node = decode_node_id_or_none(event.getNode()),
                               .detail = decoding.text(event.getDetail())});
  }
  response.more = in.getMore();
  return response;
}

void encode_report(const messages::PartitionsResponse& response, capnp::List<schema::PartitionStatus>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) encode_status(response.partitions[i], out[i]);
}

void encode_report(const messages::DigestResponse& response, schema::Digest::Builder out) {
  set_position(out.getPosition(), response.position);
  out.setRecords(response.records);
  out.setDigest(response.digest);
  out.setWhole(response.whole);
}

void encode_report(const messages::LostResponse& response, schema::LostPage::Builder out) {
  auto items = out.initItems(size_of(response.items));
  for (unsigned i = 0; i < items.size(); ++i) {
    auto item = items[i];
    item.setId(response.items[i].id);
    item.setRecordedMs(response.items[i].recorded.value);
    std::visit(EncodeLoss{item}, response.items[i].loss);
  }
  out.setMore(response.more);
}

void encode_report(const messages::EventsResponse& response, schema::EventsPage::Builder out) {
  auto events = out.initEvents(size_of(response.events));
  for (unsigned i = 0; i < events.size(); ++i) {
    const ClusterEvent& event = response.events[i];
    auto builder = events[i];
    builder.setId(event.id);
    builder.setTimeMs(event.time.value);
    copy_cut(event.kind, builder.initKind(static_cast<unsigned>(cut_bytes(event.kind))));
    builder.setNode(text_of(event.node.str()));
    copy_cut(event.detail, builder.initDetail(static_cast<unsigned>(cut_bytes(event.detail))));
  }
  out.setMore(response.more);
}

std::size_t words_of_report(const messages::PartitionsResponse& response) {
  std::size_t words = kListTagWords + response.partitions.size() * struct_words<schema::PartitionStatus>();
  for (const PartitionStatus& status : response.partitions) {
    words += words_for(cut_bytes(status.why) + 1) + kListTagWords;
    for (const PartitionStatus::Member& member : status.members) {
      words += struct_words<schema::PartitionStatus::Member>() + words_for_text(member.node.str());
    }
  }
  return words;
}

std::size_t words_of_report(const messages::DigestResponse&) { return struct_words<schema::Digest>(); }

std::size_t words_of_report(const messages::LostResponse& response) {
  std::size_t words = struct_words<schema::LostPage>() + kListTagWords;
  for (const LostItem& item : response.items) {
    words += struct_words<schema::LostPage::Item>() + std::visit(LossWords(), item.loss);
  }
  return words;
}

std::size_t words_of_report(const messages::EventsResponse& response) {
  std::size_t words = struct_words<schema::EventsPage>() + kListTagWords;
  for (const ClusterEvent& event : response.events) {
    words += struct_words<schema::EventsPage::Event>() + words_for(cut_bytes(event.kind) + 1) +
             words_for_text(event.node.str()) + words_for(cut_bytes(event.detail) + 1);
  }
  return words;
}

}  // namespace gyre::wire
