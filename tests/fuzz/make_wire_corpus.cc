// Writes the seeds of frame_fuzz and codec_fuzz: `make_wire_corpus tests/fuzz/corpus`. Run it when the schema changes.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "wire/codec.h"

namespace {

using namespace gyre;

std::filesystem::path folder;

void save(const char* target, const std::string& name, std::string_view bytes) {
  std::filesystem::create_directories(folder / target);
  std::ofstream(folder / target / name, std::ios::binary) << bytes;
}

Bytes request_frame(messages::RequestBody body) {
  messages::Frame frame;
  frame.requests.push_back({RequestId(1), from_ms(2000), Epoch(7), std::move(body)});
  return wire::encode(frame);
}

Bytes response_frame(messages::ResponseBody body) {
  messages::Frame frame;
  frame.responses.push_back({RequestId(1), Epoch(7), std::move(body)});
  return wire::encode(frame);
}

ring::ClusterMap small_map() {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.epoch = Epoch(3);
  map.shape.partitions = 4;
  map.shape.replication_factor = 2;
  map.coordinators = {"127.0.0.1:7000"};
  for (const char* name : {"n1", "n2", "n3"}) {
    ring::NodeInfo& node = map.nodes.emplace_back();
    node.id = NodeId(name);
    node.data_id = Uuid::from_words(3, 4);
    node.zone = "a";
    node.addresses.native = "127.0.0.1:7101";
  }
  for (std::size_t i = 0; i < 4; ++i) {
    ring::PartitionEntry& entry = map.entries.emplace_back();
    entry.term = Term(1);
    entry.primary = map.nodes[i % 3].id;
    entry.in_sync = {{map.nodes[i % 3].id, Generation(1)}};
    entry.learners = {map.nodes[(i + 1) % 3].id};
  }
  return map;
}

messages::WriteRequest every_write() {
  messages::WriteRequest request;
  for (int kind = 0; kind < 5; ++kind) {
    messages::WriteOperation& operation = request.operations.emplace_back();
    operation.kind = static_cast<messages::WriteKind>(kind);
    operation.key = Bytes::literal("{user}:1");
    if (operation.kind == messages::WriteKind::put) operation.value = Bytes::literal("some value");
    operation.delta = 5;
    operation.expiry = {static_cast<messages::Expiry::Kind>(kind % 4), kind % 4 >= 2 ? 60'000 : 0};
    operation.condition = {static_cast<messages::Condition::Kind>(kind % 4), {Term(1), Sequence(2)}};
  }
  return request;
}

std::vector<std::pair<std::string, Bytes>> honest_messages() {
  const auto map = std::make_shared<const ring::ClusterMap>(small_map());
  const messages::Record record{Bytes::literal("some value"), {Term(1), Sequence(9)}, UnixMillis(1'700'000'000'000)};
  ring::Placement placement;
  placement.partitions = {{NodeId("n1"), NodeId("n2")}, {NodeId("n2"), NodeId("n3")}, {}};
  return {
      {"get", request_frame(messages::GetRequest{Bytes::literal("key")})},
      {"write", request_frame(every_write())},
      {"scan", request_frame(messages::ScanRequest{PartitionId(3), Bytes::literal("pre"), Bytes::literal("prefix")})},
      {"map", request_frame(messages::MapRequest{Epoch(2)})},
      {"join", request_frame(messages::JoinRequest{Uuid::from_words(1, 2), map->nodes[0], Epoch(2)})},
      {"heartbeat", request_frame(messages::HeartbeatRequest{NodeId("n1"), Incarnation(4), Epoch(2)})},
      {"status", request_frame(messages::StatusRequest{})},
      {"error_answer",
       response_frame(Error{ErrorCode::busy, Outcome::unknown, "a stall", std::chrono::milliseconds(20)})},
      {"get_answer", response_frame(messages::GetResponse{record, 500})},
      {"write_answer", response_frame(messages::WriteResponse{{{{Term(1), Sequence(9)}, true, true, 6}}})},
      {"scan_answer", response_frame(messages::ScanResponse{{{Bytes::literal("prefix1"), record, 500}}, true})},
      {"map_answer", response_frame(messages::MapResponse{map})},
      {"no_map_answer", response_frame(messages::MapResponse{})},
      {"join_answer", response_frame(messages::JoinResponse{map})},
      {"heartbeat_answer", response_frame(messages::HeartbeatResponse{true, map})},
      {"status_answer", response_frame(messages::StatusResponse{{{NodeId("n1"), true, 10}}, map})},
      {"stored_map", wire::encode_map(*map)},
      {"stored_placement", wire::encode_placement(placement)},
      {"empty_frame", wire::encode({})},
  };
}

// A message of one segment with these words.
std::string raw_message(const std::vector<std::uint64_t>& words) {
  std::string bytes(8 + words.size() * 8, '\0');
  const auto count = static_cast<std::uint32_t>(words.size());
  std::memcpy(bytes.data() + 4, &count, sizeof(count));
  std::memcpy(bytes.data() + 8, words.data(), words.size() * 8);
  return bytes;
}

// Layouts that no encoder makes; the words are explained on capnproto.org/encoding.html.
std::vector<std::pair<std::string, std::string>> hostile_messages() {
  constexpr std::uint64_t kFrameRoot = 1ull << 32 | 2ull << 48;            // one word of data, two pointers
  constexpr std::uint64_t kEmptyStructList = 1 | 1 << 2 | 7ull << 32;      // behind the next pointer, of no words
  constexpr std::uint64_t kFarToItself = 2;
  return {
      {"hostile_half_a_billion_requests", raw_message({kFrameRoot, 1, kEmptyStructList, 0, ((1ull << 29) - 1) << 2})},
      {"hostile_unpaid_requests", raw_message({kFrameRoot, 1, kEmptyStructList, 0, 100 << 2})},
      {"hostile_far_pointer_to_itself", raw_message({kFarToItself})},
      {"hostile_list_out_of_bounds", raw_message({kFrameRoot, 1, 1 | 1'000'000 << 2 | 7ull << 32 | 9ull << 35, 0})},
      {"hostile_protocol_version", raw_message({kFrameRoot, 2, 0, 0})},
      {"hostile_http", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {"hostile_redis", "*1\r\n$4\r\nPING\r\n"},
      {"hostile_64_segments", std::string("\x3f\0\0\0", 4) + std::string(64 * 4 + 4, '\0')},
      {"hostile_65_segments", std::string("\x40\0\0\0", 4) + std::string(66 * 4, '\0')},
      {"hostile_64_gigabytes", std::string("\1\0\0\0", 4) + std::string(12, '\xff')},
  };
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_wire_corpus FOLDER\n");
    return 2;
  }
  folder = argv[1];
  std::string stream;
  for (const auto& [name, bytes] : honest_messages()) {
    save("codec_fuzz", name, bytes.view());
    stream += bytes.view();
  }
  save("frame_fuzz", "every_message", '\x13' + stream);
  save("frame_fuzz", "every_message_byte_by_byte", std::string(1, '\0') + stream);
  const std::string large = raw_message(std::vector<std::uint64_t>(9000, 7));
  save("frame_fuzz", "announces_more_than_a_chunk", '\xff' + large.substr(0, 9000));
  for (const auto& [name, bytes] : hostile_messages()) {
    save("codec_fuzz", name, bytes);
    save("frame_fuzz", name, '\x07' + bytes);
    save("frame_fuzz", name + "_behind_a_frame", '\x07' + wire::encode({}).str() + bytes);
  }
  return 0;
}
