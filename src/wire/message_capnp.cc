#include "wire/message_capnp.h"

namespace gyre::wire {

messages::Message decode_message(Decoding& decoding, schema::Message::Reader in) {
  switch (in.which()) {
    case schema::Message::APPEND: return decode_body(decoding, in.getAppend());
    case schema::Message::APPEND_ACK: return decode_body(decoding, in.getAppendAck());
    case schema::Message::GIVEN_UP: {
      const auto [partition, term] = decode_partition_term(in.getGivenUp());
      return messages::GivenUp{partition, term};
    }
    case schema::Message::FETCH_KEYS: return decode_body(decoding, in.getFetchKeys());
    case schema::Message::FETCHED_KEYS: return decode_body(decoding, in.getFetchedKeys());
    case schema::Message::SNAPSHOT_ASK: return decode_body(decoding, in.getSnapshotAsk());
    case schema::Message::SNAPSHOT_CHUNK: return decode_body(decoding, in.getSnapshotChunk());
    case schema::Message::POLL: return decode_body(decoding, in.getPoll());
    case schema::Message::SEAL: return messages::Seal{decode_partition_terms(decoding, in.getSeal())};
    case schema::Message::ORDER: return decode_body(decoding, in.getOrder());
    case schema::Message::MAP_PUSH: return messages::MapPush{decode_update(decoding, in.getMapPush())};
    case schema::Message::POLL_ANSWER: return decode_body(decoding, in.getPollAnswer());
    case schema::Message::SEAL_ANSWER: return decode_body(decoding, in.getSealAnswer());
    case schema::Message::SET_IN_SYNC: return decode_body(decoding, in.getSetInSync());
    case schema::Message::HANDED_OVER: return decode_body(decoding, in.getHandedOver());
    case schema::Message::PEER_DOWN: return decode_body(decoding, in.getPeerDown());
    case schema::Message::PROMISES: return messages::Promises{decode_partition_terms(decoding, in.getPromises())};
    case schema::Message::LEAVING: return messages::Leaving{};
    case schema::Message::ACCOUNTED: {
      const auto [partition, term] = decode_partition_term(in.getAccounted());
      return messages::Accounted{partition, term};
    }
    case schema::Message::NODE_EVENT: return decode_body(decoding, in.getNodeEvent());
    case schema::Message::LOAD_REPORT: return decode_body(decoding, in.getLoadReport());
    case schema::Message::RETIRED: return messages::Retired{decode_partition(in.getRetired())};
    case schema::Message::RETIRE_ASK: {
      const auto [partition, term] = decode_partition_term(in.getRetireAsk());
      return messages::RetireAsk{partition, term};
    }
    case schema::Message::RETIRE_ANSWER: return decode_body(decoding, in.getRetireAnswer());
  }
  refuse_unknown("message", in.which());
}

void encode(const messages::Message& message, schema::Message::Builder out) { std::visit(EncodeMessage{out}, message); }

std::size_t words_of(const messages::Message& message) {
  return struct_words<schema::Message>() + std::visit(MessageWords(), message);
}

}  // namespace gyre::wire
