// One-way messages: those between members are in peer_capnp.cc, those of the coordinator in control_capnp.cc.
#pragma once

#include "wire/writes_capnp.h"

namespace gyre::wire {

messages::PartitionTerm decode_partition_term(schema::PartitionTerm::Reader in);
void encode_partition_term(PartitionId partition, Term term, schema::PartitionTerm::Builder out);

messages::Append decode_body(Decoding& decoding, schema::Append::Reader in);
messages::AppendAck decode_body(Decoding& decoding, schema::AppendAck::Reader in);
messages::FetchKeys decode_body(Decoding& decoding, schema::FetchKeys::Reader in);
messages::FetchedKeys decode_body(Decoding& decoding, schema::FetchedKeys::Reader in);
messages::SnapshotAsk decode_body(Decoding& decoding, schema::SnapshotAsk::Reader in);
messages::SnapshotChunk decode_body(Decoding& decoding, schema::SnapshotChunk::Reader in);
messages::Poll decode_body(Decoding& decoding, schema::Poll::Reader in);
messages::Order decode_body(Decoding& decoding, schema::Order::Reader in);
messages::PollAnswer decode_body(Decoding& decoding, capnp::List<schema::PollAnswerItem>::Reader in);
messages::SealAnswer decode_body(Decoding& decoding, schema::SealAnswer::Reader in);
messages::SetInSync decode_body(Decoding& decoding, schema::SetInSync::Reader in);
messages::HandedOver decode_body(Decoding& decoding, schema::HandedOver::Reader in);
messages::PeerDown decode_body(Decoding& decoding, schema::PeerDown::Reader in);
messages::NodeEvent decode_body(Decoding& decoding, schema::NodeEvent::Reader in);
messages::LoadReport decode_body(Decoding& decoding, schema::LoadReport::Reader in);
messages::RetireAnswer decode_body(Decoding& decoding, schema::RetireAnswer::Reader in);
// Of seals and promises.
std::vector<messages::PartitionTerm> decode_partition_terms(Decoding& decoding,
                                                            capnp::List<schema::PartitionTerm>::Reader in);

// Puts a message into the union.
struct EncodeMessage {
  schema::Message::Builder out;

  void operator()(const messages::Append& append);
  void operator()(const messages::AppendAck& ack);
  void operator()(const messages::GivenUp& given_up);
  void operator()(const messages::FetchKeys& fetch);
  void operator()(const messages::FetchedKeys& fetched);
  void operator()(const messages::SnapshotAsk& ask);
  void operator()(const messages::SnapshotChunk& chunk);
  void operator()(const messages::Poll& poll);
  void operator()(const messages::Seal& seal);
  void operator()(const messages::Order& order);
  void operator()(const messages::MapPush& push);
  void operator()(const messages::PollAnswer& answer);
  void operator()(const messages::SealAnswer& answer);
  void operator()(const messages::SetInSync& set);
  void operator()(const messages::HandedOver& handed_over);
  void operator()(const messages::PeerDown& down);
  void operator()(const messages::Promises& promises);
  void operator()(const messages::Leaving& leaving);
  void operator()(const messages::Accounted& accounted);
  void operator()(const messages::NodeEvent& event);
  void operator()(const messages::LoadReport& report);
  void operator()(const messages::Retired& retired);
  void operator()(const messages::RetireAsk& ask);
  void operator()(const messages::RetireAnswer& answer);
};

// Upper bounds of what EncodeMessage writes, in words, the union itself not included.
struct MessageWords {
  std::size_t operator()(const messages::Append& append) const;
  std::size_t operator()(const messages::AppendAck& ack) const;
  std::size_t operator()(const messages::GivenUp& given_up) const;
  std::size_t operator()(const messages::FetchKeys& fetch) const;
  std::size_t operator()(const messages::FetchedKeys& fetched) const;
  std::size_t operator()(const messages::SnapshotAsk& ask) const;
  std::size_t operator()(const messages::SnapshotChunk& chunk) const;
  std::size_t operator()(const messages::Poll& poll) const;
  std::size_t operator()(const messages::Seal& seal) const;
  std::size_t operator()(const messages::Order& order) const;
  std::size_t operator()(const messages::MapPush& push) const;
  std::size_t operator()(const messages::PollAnswer& answer) const;
  std::size_t operator()(const messages::SealAnswer& answer) const;
  std::size_t operator()(const messages::SetInSync& set) const;
  std::size_t operator()(const messages::HandedOver& handed_over) const;
  std::size_t operator()(const messages::PeerDown& down) const;
  std::size_t operator()(const messages::Promises& promises) const;
  std::size_t operator()(const messages::Leaving& leaving) const;
  std::size_t operator()(const messages::Accounted& accounted) const;
  std::size_t operator()(const messages::NodeEvent& event) const;
  std::size_t operator()(const messages::LoadReport& report) const;
  std::size_t operator()(const messages::Retired& retired) const;
  std::size_t operator()(const messages::RetireAsk& ask) const;
  std::size_t operator()(const messages::RetireAnswer& answer) const;
};

}  // namespace gyre::wire
