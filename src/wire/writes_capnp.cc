#include "wire/writes_capnp.h"

#include <memory>

#include <fmt/format.h>

namespace gyre::wire {

using messages::LoggedWrite;
using messages::Mutation;
using messages::Record;
using messages::TermHistory;
using messages::TermStart;
using messages::WindowWrite;
using messages::WriteOutcome;

Record decode_record(const Decoding& decoding, schema::Record::Reader in) {
  return {.value = decoding.value(in.getValue()),
          .version = position_of(in),
          .expires_at = decode_time(in.getExpiresAtMs())};
}

std::vector<WriteOutcome> decode_outcomes(Decoding& decoding, capnp::List<schema::WriteOutcome>::Reader in) {
  std::vector<WriteOutcome> outcomes;
  outcomes.reserve(decoding.count(in.size(), limits::kBatchOperationsMax, "outcomes of one write"));
  for (const auto outcome : in) {
    outcomes.push_back({.version = position_of(outcome),
                        .existed = outcome.getExisted(),
                        .changed = outcome.getChanged(),
                        .number = outcome.getNumber()});
  }
  return outcomes;
}

TermHistory decode_history(Decoding& decoding, capnp::List<schema::TermStart>::Reader in) {
  TermHistory history;
  history.reserve(decoding.count(in.size(), limits::kTermHistoryMax, "terms in one history"));
  for (const auto start : in) {
    const TermStart next{Term(start.getTerm()), Sequence(start.getFirst())};
    if (!history.empty() && (next.term <= history.back().term || next.first < history.back().first)) {
      refuse(ErrorCode::invalid_argument, fmt::format("a term history that goes back at term {}", next.term.value()));
    }
    history.push_back(next);
  }
  return history;
}

std::vector<Mutation> decode_mutations(Decoding& decoding, capnp::List<schema::Mutation>::Reader in, Position version) {
  if (in.size() == 0) refuse(ErrorCode::invalid_argument, "a write that changes nothing");
  std::vector<Mutation> mutations;
  mutations.reserve(decoding.count(in.size(), limits::kBatchOperationsMax, "parts of one write"));
  for (const auto part : in) {
    Mutation& mutation = mutations.emplace_back();
    mutation.key = decoding.key(part.getKey());
    mutation.record.version = version;
    switch (part.which()) {
      case schema::Mutation::PUT:
        mutation.record.value = decoding.value(part.getPut());
        mutation.record.expires_at = decode_time(part.getExpiresAtMs());
        continue;
      case schema::Mutation::DEL: mutation.kind = Mutation::Kind::del; continue;
    }
    refuse_unknown("part of a write", part.which());
  }
  return mutations;
}

messages::LoggedWritePtr decode_logged(Decoding& decoding, schema::LoggedWrite::Reader in) {
  auto write = std::make_shared<LoggedWrite>();
  write->position = position_of(in);
  write->time = decode_time(in.getTimeMs());
  write->mutations = decode_mutations(decoding, in.getMutations(), write->position);
  write->id = {ClientId(in.getClient()), WriteNumber(in.getNumber())};
  write->lowest_open = WriteNumber(in.getLowestOpen());
  write->fingerprint = in.getFingerprint();
  write->may_repeat = in.getMayRepeat();
  write->outcomes = decode_outcomes(decoding, in.getOutcomes());
  return write;
}

std::vector<WindowWrite> decode_window(Decoding& decoding, capnp::List<schema::WindowWrite>::Reader in) {
  std::vector<WindowWrite> window;
  window.reserve(decoding.count(in.size(), limits::kWindowWritesMax, "writes in one window"));
  for (const auto write : in) {
    window.push_back({.id = {ClientId(write.getClient()), WriteNumber(write.getNumber())},
                      .lowest_open = WriteNumber(write.getLowestOpen()),
                      .position = position_of(write),
                      .time = decode_time(write.getTimeMs()),
                      .fingerprint = write.getFingerprint(),
                      .may_repeat = write.getMayRepeat(),
                      .closed = write.getClosed(),
                      .outcomes = decode_outcomes(decoding, write.getOutcomes())});
  }
  return window;
}

void encode(const Record& record, schema::Record::Builder out) {
  out.setValue(data_of(record.value));
  set_position(out, record.version);
  out.setExpiresAtMs(record.expires_at.value);
}

void encode(const WriteOutcome& outcome, schema::WriteOutcome::Builder out) {
  set_position(out, outcome.version);
  out.setNumber(outcome.number);
  out.setExisted(outcome.existed);
  out.setChanged(outcome.changed);
}

void encode(const TermStart& start, schema::TermStart::Builder out) {
  out.setTerm(start.term.value());
  out.setFirst(start.first.value());
}

void encode(const Mutation& mutation, schema::Mutation::Builder out) {
  out.setKey(data_of(mutation.key));
  if (mutation.kind == Mutation::Kind::del) return out.setDel();
  out.setPut(data_of(mutation.record.value));
  out.setExpiresAtMs(mutation.record.expires_at.value);
}

void encode(const messages::LoggedWritePtr& write, schema::LoggedWrite::Builder out) {
  set_position(out, write->position);
  out.setTimeMs(write->time.value);
  encode_list(write->mutations, out.initMutations(size_of(write->mutations)));
  out.setClient(write->id.client.value());
  out.setNumber(write->id.number.value());
  out.setLowestOpen(write->lowest_open.value());
  out.setFingerprint(write->fingerprint);
  out.setMayRepeat(write->may_repeat);
  if (!write->outcomes.empty()) encode_list(write->outcomes, out.initOutcomes(size_of(write->outcomes)));
}

void encode(const WindowWrite& write, schema::WindowWrite::Builder out) {
  out.setClient(write.id.client.value());
  out.setNumber(write.id.number.value());
  out.setLowestOpen(write.lowest_open.value());
  set_position(out, write.position);
  out.setTimeMs(write.time.value);
  out.setFingerprint(write.fingerprint);
  out.setMayRepeat(write.may_repeat);
  out.setClosed(write.closed);
  encode_list(write.outcomes, out.initOutcomes(size_of(write.outcomes)));
}

std::size_t words_of(const Record& record) { return struct_words<schema::Record>() + words_for(record.value.size()); }

std::size_t words_of(const WriteOutcome&) { return struct_words<schema::WriteOutcome>(); }

std::size_t words_of(const TermStart&) { return struct_words<schema::TermStart>(); }

std::size_t words_of(const Mutation& mutation) {
  return struct_words<schema::Mutation>() + words_for(mutation.key.size()) + words_for(mutation.record.value.size());
}

std::size_t words_of(const messages::LoggedWritePtr& write) {
  return struct_words<schema::LoggedWrite>() + words_of_list(write->mutations) + words_of_list(write->outcomes);
}

std::size_t words_of(const WindowWrite& write) {
  return struct_words<schema::WindowWrite>() + words_of_list(write.outcomes);
}

}  // namespace gyre::wire
