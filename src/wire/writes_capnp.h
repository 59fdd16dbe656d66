// Records, writes and histories: what requests, answers and one-way messages have in common.
#pragma once

#include <span>
#include <vector>

#include "messages/request.h"
#include "wire/codec_capnp.h"

namespace gyre::wire {

messages::Record decode_record(const Decoding& decoding, schema::Record::Reader in);
std::vector<messages::WriteOutcome> decode_outcomes(Decoding& decoding, capnp::List<schema::WriteOutcome>::Reader in);
messages::TermHistory decode_history(Decoding& decoding, capnp::List<schema::TermStart>::Reader in);
// `version`: of the write they are parts of.
std::vector<messages::Mutation> decode_mutations(Decoding& decoding, capnp::List<schema::Mutation>::Reader in,
                                                 Position version);
messages::LoggedWritePtr decode_logged(Decoding& decoding, schema::LoggedWrite::Reader in);
std::vector<messages::WindowWrite> decode_window(Decoding& decoding, capnp::List<schema::WindowWrite>::Reader in);

void encode(const messages::Record& record, schema::Record::Builder out);
void encode(const messages::WriteOutcome& outcome, schema::WriteOutcome::Builder out);
void encode(const messages::TermStart& start, schema::TermStart::Builder out);
void encode(const messages::Mutation& mutation, schema::Mutation::Builder out);
void encode(const messages::LoggedWritePtr& write, schema::LoggedWrite::Builder out);
void encode(const messages::WindowWrite& write, schema::WindowWrite::Builder out);

// Upper bounds of what encode() above writes, in words, the struct itself included.
std::size_t words_of(const messages::Record& record);
std::size_t words_of(const messages::WriteOutcome& outcome);
std::size_t words_of(const messages::TermStart& start);
std::size_t words_of(const messages::Mutation& mutation);
std::size_t words_of(const messages::LoggedWritePtr& write);
std::size_t words_of(const messages::WindowWrite& write);

// Lists of what encode() and words_of() know.
template <class Value, class Builder>
void encode_list(const std::vector<Value>& values, Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) encode(values[i], out[i]);
}
template <class Value>
std::size_t words_of_list(const std::vector<Value>& values) {
  std::size_t words = kListTagWords;
  for (const Value& value : values) words += words_of(value);
  return words;
}
// The length of a list to initialise.
template <class Value>
unsigned size_of(const std::vector<Value>& values) {
  return static_cast<unsigned>(values.size());
}

}  // namespace gyre::wire
