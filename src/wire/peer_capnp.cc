// One-way messages between the members of a partition.
#include <fmt/format.h>

#include "wire/message_capnp.h"

namespace gyre::wire {

namespace {

// In one message: versions before this one send pieces of 1 MiB.
constexpr std::size_t kSnapshotRecordsMax = std::size_t{1024} * 1024;

using messages::Append;
using messages::AppendAck;
using messages::FetchedKey;

// Room for a century, and for sums that do not overflow.
constexpr std::int64_t kInstantNsMax = std::int64_t{1} << 62;

Instant decode_instant(std::int64_t ns) {
  if (ns < 0 || ns > kInstantNsMax) {
    refuse(ErrorCode::invalid_argument, fmt::format("a clock that reads {} ns: 0 to 2^62 is wanted", ns));
  }
  return Instant(Duration(ns));
}

std::int64_t ns_of(Instant instant) { return instant.time_since_epoch().count(); }

// INVARIANT: the writes given are consecutive from behind `previous`.
std::vector<messages::LoggedWritePtr> decode_writes(Decoding& decoding, capnp::List<schema::LoggedWrite>::Reader in,
                                                    Position previous) {
  constexpr std::size_t kWritesMax = limits::kAppendBytesMax / sizeof(messages::LoggedWrite) + 1;
  std::vector<messages::LoggedWritePtr> writes;
  writes.reserve(decoding.count(in.size(), kWritesMax, "writes in one append"));
  std::size_t bytes = 0;
  for (const auto write : in) {
    if (bytes > limits::kAppendBytesMax) {
      refuse(ErrorCode::too_large, fmt::format("an append of more than {} bytes", limits::kAppendBytesMax));
    }
    const Position position = position_of(write);
    if (position.sequence != previous.sequence.next() || position.term < previous.term) {
      refuse(ErrorCode::invalid_argument,
             fmt::format("write {} behind write {} in one append", to_string(position), to_string(previous)));
    }
    writes.push_back(decode_logged(decoding, write));
    bytes += writes.back()->bytes();
    previous = position;
  }
  return writes;
}

std::vector<FetchedKey> decode_keyed(Decoding& decoding, capnp::List<schema::KeyedRecord>::Reader in,
                                     std::size_t count_max) {
  std::vector<FetchedKey> keys;
  keys.reserve(decoding.count(in.size(), count_max, "keys in one message"));
  for (const auto keyed : in) {
    FetchedKey& key = keys.emplace_back();
    key.key = decoding.key(keyed.getKey());
    if (keyed.hasRecord()) key.record = decode_record(decoding, keyed.getRecord());
  }
  return keys;
}

void encode_keyed(const std::vector<FetchedKey>& keys, capnp::List<schema::KeyedRecord>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    auto keyed = out[i];
    keyed.setKey(data_of(keys[i].key));
    if (keys[i].record) encode(*keys[i].record, keyed.initRecord());
  }
}

std::size_t words_of_keyed(const std::vector<FetchedKey>& keys) {
  std::size_t words = kListTagWords + keys.size() * struct_words<schema::KeyedRecord>();
  for (const FetchedKey& key : keys) {
    words += words_for(key.key.size()) + (key.record ? words_of(*key.record) : 0);
  }
  return words;
}

}  // namespace

Append decode_body(Decoding& decoding, schema::Append::Reader in) {
  const Position previous = position_of(in.getPrevious());
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .sent_at = decode_instant(in.getSentAtNs()),
          .echo = decode_instant(in.getEchoNs()),
          .serving = in.getServing(),
          .may_wait = in.getMayWait(),
          .position = position_of(in.getPosition()),
          .time = decode_time(in.getTimeMs()),
          .history = decode_history(decoding, in.getHistory()),
          .previous = previous,
          .writes = decode_writes(decoding, in.getWrites(), previous)};
}

AppendAck decode_body(Decoding&, schema::AppendAck::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .generation = Generation(in.getGeneration()),
          .echo = decode_instant(in.getEchoNs()),
          .sent_at = decode_instant(in.getSentAtNs()),
          .state = decode_enum(in.getState(), AppendAck::State::repairing, "state of a member"),
          .whole = in.getWhole(),
          .refused = in.getRefused(),
          .gap = in.getGap(),
          .position = position_of(in.getPosition()),
          .promised = Term(in.getPromised())};
}

messages::FetchKeys decode_body(Decoding& decoding, schema::FetchKeys::Reader in) {
  messages::FetchKeys fetch{
      .partition = decode_partition(in.getPartition()), .term = Term(in.getTerm()), .id = in.getId(), .keys = {}};
  const auto keys = in.getKeys();
  fetch.keys.reserve(decoding.count(keys.size(), limits::kFetchKeysMax, "keys in one message"));
  for (const auto key : keys) fetch.keys.push_back(decoding.key(key));
  return fetch;
}

messages::FetchedKeys decode_body(Decoding& decoding, schema::FetchedKeys::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .id = in.getId(),
          .position = position_of(in.getPosition()),
          .time = decode_time(in.getTimeMs()),
          .keys = decode_keyed(decoding, in.getKeys(), limits::kFetchKeysMax),
          .window = decode_window(decoding, in.getWindow())};
}

messages::SnapshotAsk decode_body(Decoding&, schema::SnapshotAsk::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .id = in.getId(),
          .chunk = in.getChunk()};
}

messages::SnapshotChunk decode_body(Decoding& decoding, schema::SnapshotChunk::Reader in) {
  messages::SnapshotChunk chunk{.partition = decode_partition(in.getPartition()),
                                .term = Term(in.getTerm()),
                                .id = in.getId(),
                                .chunk = in.getChunk(),
                                .records = decode_keyed(decoding, in.getRecords(), kSnapshotRecordsMax),
                                .last = in.getLast(),
                                .position = position_of(in.getPosition()),
                                .history = decode_history(decoding, in.getHistory()),
                                .time = decode_time(in.getTimeMs()),
                                .window = decode_window(decoding, in.getWindow())};
  for (const FetchedKey& key : chunk.records) {
    if (!key.record) refuse(ErrorCode::invalid_argument, "a snapshot names a key without a record");
  }
  return chunk;
}

messages::RetireAnswer decode_body(Decoding& decoding, schema::RetireAnswer::Reader in) {
  return {.partition = decode_partition(in.getPartition()),
          .term = Term(in.getTerm()),
          .held = position_of(in.getHeld()),
          .history = decode_history(decoding, in.getHistory())};
}

void EncodeMessage::operator()(const Append& append) {
  auto builder = out.initAppend();
  builder.setPartition(append.partition.value());
  builder.setServing(append.serving);
  builder.setMayWait(append.may_wait);
  builder.setTerm(append.term.value());
  builder.setSentAtNs(ns_of(append.sent_at));
  builder.setEchoNs(ns_of(append.echo));
  builder.setTimeMs(append.time.value);
  set_position(builder.getPosition(), append.position);
  set_position(builder.getPrevious(), append.previous);
  if (!append.history.empty()) encode_list(append.history, builder.initHistory(size_of(append.history)));
  if (!append.writes.empty()) encode_list(append.writes, builder.initWrites(size_of(append.writes)));
}

void EncodeMessage::operator()(const AppendAck& ack) {
  auto builder = out.initAppendAck();
  builder.setPartition(ack.partition.value());
  builder.setState(static_cast<schema::AppendAck::State>(ack.state));
  builder.setWhole(ack.whole);
  builder.setRefused(ack.refused);
  builder.setGap(ack.gap);
  builder.setTerm(ack.term.value());
  builder.setGeneration(ack.generation.value());
  builder.setEchoNs(ns_of(ack.echo));
  builder.setSentAtNs(ns_of(ack.sent_at));
  set_position(builder.getPosition(), ack.position);
  builder.setPromised(ack.promised.value());
}

void EncodeMessage::operator()(const messages::GivenUp& given_up) {
  encode_partition_term(given_up.partition, given_up.term, out.initGivenUp());
}

void EncodeMessage::operator()(const messages::FetchKeys& fetch) {
  auto builder = out.initFetchKeys();
  builder.setPartition(fetch.partition.value());
  builder.setTerm(fetch.term.value());
  builder.setId(fetch.id);
  auto keys = builder.initKeys(size_of(fetch.keys));
  for (unsigned i = 0; i < keys.size(); ++i) keys.set(i, data_of(fetch.keys[i]));
}

void EncodeMessage::operator()(const messages::FetchedKeys& fetched) {
  auto builder = out.initFetchedKeys();
  builder.setPartition(fetched.partition.value());
  builder.setTerm(fetched.term.value());
  builder.setId(fetched.id);
  set_position(builder.getPosition(), fetched.position);
  builder.setTimeMs(fetched.time.value);
  encode_keyed(fetched.keys, builder.initKeys(size_of(fetched.keys)));
  encode_list(fetched.window, builder.initWindow(size_of(fetched.window)));
}

void EncodeMessage::operator()(const messages::SnapshotAsk& ask) {
  auto builder = out.initSnapshotAsk();
  builder.setPartition(ask.partition.value());
  builder.setTerm(ask.term.value());
  builder.setId(ask.id);
  builder.setChunk(ask.chunk);
}

void EncodeMessage::operator()(const messages::SnapshotChunk& chunk) {
  auto builder = out.initSnapshotChunk();
  builder.setPartition(chunk.partition.value());
  builder.setLast(chunk.last);
  builder.setTerm(chunk.term.value());
  builder.setId(chunk.id);
  builder.setChunk(chunk.chunk);
  encode_keyed(chunk.records, builder.initRecords(size_of(chunk.records)));
  set_position(builder.getPosition(), chunk.position);
  builder.setTimeMs(chunk.time.value);
  encode_list(chunk.history, builder.initHistory(size_of(chunk.history)));
  encode_list(chunk.window, builder.initWindow(size_of(chunk.window)));
}

void EncodeMessage::operator()(const messages::RetireAsk& ask) {
  encode_partition_term(ask.partition, ask.term, out.initRetireAsk());
}

void EncodeMessage::operator()(const messages::RetireAnswer& answer) {
  auto builder = out.initRetireAnswer();
  builder.setPartition(answer.partition.value());
  builder.setTerm(answer.term.value());
  set_position(builder.getHeld(), answer.held);
  encode_list(answer.history, builder.initHistory(size_of(answer.history)));
}

std::size_t MessageWords::operator()(const Append& append) const {
  return struct_words<schema::Append>() + words_of_list(append.history) + words_of_list(append.writes);
}

std::size_t MessageWords::operator()(const AppendAck&) const { return struct_words<schema::AppendAck>(); }

std::size_t MessageWords::operator()(const messages::GivenUp&) const { return struct_words<schema::PartitionTerm>(); }

std::size_t MessageWords::operator()(const messages::FetchKeys& fetch) const {
  std::size_t words = struct_words<schema::FetchKeys>();
  for (const Bytes& key : fetch.keys) words += 1 + words_for(key.size());
  return words;
}

std::size_t MessageWords::operator()(const messages::FetchedKeys& fetched) const {
  return struct_words<schema::FetchedKeys>() + words_of_keyed(fetched.keys) + words_of_list(fetched.window);
}

std::size_t MessageWords::operator()(const messages::SnapshotAsk&) const { return struct_words<schema::SnapshotAsk>(); }

std::size_t MessageWords::operator()(const messages::SnapshotChunk& chunk) const {
  return struct_words<schema::SnapshotChunk>() + words_of_keyed(chunk.records) + words_of_list(chunk.history) +
         words_of_list(chunk.window);
}

std::size_t MessageWords::operator()(const messages::RetireAsk&) const { return struct_words<schema::PartitionTerm>(); }

std::size_t MessageWords::operator()(const messages::RetireAnswer& answer) const {
  return struct_words<schema::RetireAnswer>() + words_of_list(answer.history);
}

}  // namespace gyre::wire
