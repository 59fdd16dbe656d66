// What the *_capnp.cc files share. Cap'n Proto's types appear here, so nobody else includes it.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <capnp/message.h>

#include "gyre.capnp.h"
#include "wire/codec.h"

namespace gyre::wire {

// What is wrong with the bytes being decoded. Like kj::Exception it is thrown by the decoders below, because every
// accessor can find a fault, and is caught at this folder's border (frame_capnp.cc).
struct Refused {
  Error error;
};
[[noreturn]] void refuse(ErrorCode code, std::string message);
[[noreturn]] void refuse_unknown(std::string_view what, unsigned number);

// One message being decoded: the bytes it lies in, what it may contain and how many elements it may still have.
//
// INVARIANT: memory is taken only for what the bytes pay for. Each list element costs kElementBytesMin of them,
// because Cap'n Proto can announce half a billion elements of size zero, or point to one list many times.
class Decoding {
 public:
  Decoding(const Bytes& bytes, const Limits& limits);

  // ERRORS (thrown): too_large.
  Bytes key(capnp::Data::Reader data) const;
  Bytes value(capnp::Data::Reader data) const;
  std::string text(capnp::Text::Reader text, std::size_t bytes_max = limits::kTextBytesMax) const;
  // The size of a list of structs or pointers, checked and paid for: safe to reserve.
  std::size_t count(std::size_t announced, std::size_t count_max, std::string_view what);

 private:
  // No element of any list takes less in a message that was made honestly.
  static constexpr std::size_t kElementBytesMin = 16;

  Bytes slice(capnp::Data::Reader data) const;

  const Bytes& bytes_;
  const Limits& limits_;
  std::size_t elements_left_;
};

NodeId decode_node_id(capnp::Text::Reader text);
// Empty where the text is.
NodeId decode_node_id_or_none(capnp::Text::Reader text);
Uuid decode_uuid(capnp::Text::Reader text);
PartitionId decode_partition(std::uint16_t number);
std::vector<PartitionId> decode_partitions(capnp::List<std::uint16_t>::Reader in);
void encode_partitions(const std::vector<PartitionId>& partitions, capnp::List<std::uint16_t>::Builder out);
// Of a wall clock or of a partition.
UnixMillis decode_time(std::int64_t ms);
// Time left or passed, or -1 for "never".
std::int64_t decode_ms_or_never(std::int64_t ms);

messages::Request decode_request(Decoding& decoding, schema::Request::Reader in);
messages::Response decode_response(Decoding& decoding, schema::Response::Reader in);
messages::Message decode_message(Decoding& decoding, schema::Message::Reader in);
ring::NodeInfo decode_node(Decoding& decoding, schema::Node::Reader in);
ring::ClusterMapPtr decode_map(Decoding& decoding, schema::ClusterMap::Reader in);
ring::MapUpdate decode_update(Decoding& decoding, schema::MapUpdate::Reader in);
ring::Placement decode_placement(Decoding& decoding, schema::Placement::Reader in);
Settings decode_settings(Decoding& decoding, schema::Settings::Reader in);

void encode(const messages::Request& request, schema::Request::Builder out);
void encode(const messages::Response& response, schema::Response::Builder out);
void encode(const messages::Message& message, schema::Message::Builder out);
void encode(const ring::NodeInfo& node, schema::Node::Builder out);
void encode(const ring::ClusterMap& map, schema::ClusterMap::Builder out);
void encode(const ring::MapUpdate& update, schema::MapUpdate::Builder out);
void encode(const ring::Placement& placement, schema::Placement::Builder out);
void encode(const Settings& settings, schema::Settings::Builder out);

// Upper bounds of what encode() above writes, in words, the struct itself included.
std::size_t words_of(const messages::Request& request);
std::size_t words_of(const messages::Response& response);
std::size_t words_of(const messages::Message& message);
std::size_t words_of(const ring::NodeInfo& node);
std::size_t words_of(const ring::ClusterMap& map);
std::size_t words_of(const ring::MapUpdate& update);
std::size_t words_of(const ring::Placement& placement);
std::size_t words_of(const Settings& settings);

constexpr std::size_t words_for(std::size_t bytes) { return (bytes + 7) / 8; }
// A text has a terminating zero.
constexpr std::size_t words_for_text(std::string_view text) { return words_for(text.size() + 1); }
template <class Struct>
constexpr std::size_t struct_words() {
  return Struct::_capnpPrivate::dataWordSize + Struct::_capnpPrivate::pointerCount;
}
constexpr std::size_t words_for_partitions(const std::vector<PartitionId>& partitions) {
  return words_for(partitions.size() * sizeof(PartitionId::rep));
}
// The tag that precedes the elements of a list of structs.
inline constexpr std::size_t kListTagWords = 1;

inline capnp::Data::Reader data_of(const Bytes& bytes) {
  return {reinterpret_cast<const capnp::byte*>(bytes.data()), bytes.size()};
}
inline capnp::Text::Reader text_of(const std::string& text) { return {text.c_str(), text.size()}; }
// Of a text for people, which is cut off where it is too long.
constexpr std::size_t cut_bytes(std::string_view text, std::size_t bytes_max = limits::kTextBytesMax) {
  return std::min(text.size(), bytes_max);
}
inline void copy_cut(std::string_view text, capnp::Text::Builder out) {
  std::memcpy(out.begin(), text.data(), out.size());
}

// Of anything with a term and a sequence.
template <class Reader>
Position position_of(Reader in) {
  return {Term(in.getTerm()), Sequence(in.getSequence())};
}
template <class Builder>
void set_position(Builder out, Position position) {
  out.setTerm(position.term.value());
  out.setSequence(position.sequence.value());
}

// Enumerations of messages/ that have the numbers of the schema's.
template <class Ours, class Theirs>
Ours decode_enum(Theirs in, Ours last, std::string_view what) {
  const auto number = static_cast<unsigned>(in);
  if (number > static_cast<unsigned>(last)) refuse_unknown(what, number);
  return static_cast<Ours>(number);
}

}  // namespace gyre::wire
