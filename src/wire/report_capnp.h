// Answers to what operators ask of nodes and the coordinator.
#pragma once

#include "wire/writes_capnp.h"

namespace gyre::wire {

messages::PartitionsResponse decode_partition_statuses(Decoding& decoding,
                                                       capnp::List<schema::PartitionStatus>::Reader in);
messages::DigestResponse decode_digest(schema::Digest::Reader in);
messages::LostResponse decode_lost(Decoding& decoding, schema::LostPage::Reader in);
messages::EventsResponse decode_events(Decoding& decoding, schema::EventsPage::Reader in);

void encode_report(const messages::PartitionsResponse& response, capnp::List<schema::PartitionStatus>::Builder out);
void encode_report(const messages::DigestResponse& response, schema::Digest::Builder out);
void encode_report(const messages::LostResponse& response, schema::LostPage::Builder out);
void encode_report(const messages::EventsResponse& response, schema::EventsPage::Builder out);

// Upper bounds of what encode_report() writes, in words.
std::size_t words_of_report(const messages::PartitionsResponse& response);
std::size_t words_of_report(const messages::DigestResponse& response);
std::size_t words_of_report(const messages::LostResponse& response);
std::size_t words_of_report(const messages::EventsResponse& response);

}  // namespace gyre::wire
