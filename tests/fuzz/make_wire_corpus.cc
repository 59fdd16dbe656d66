// Writes the seeds of frame_fuzz and codec_fuzz: `make_wire_corpus tests/fuzz/corpus`. Run it when the schema changes.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
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

Bytes message_frame(messages::Message message) {
  messages::Frame frame;
  frame.sender = {Uuid::from_words(1, 2), NodeId("n1"), Incarnation(4)};
  frame.messages.push_back(std::move(message));
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
    entry.primary = map.nodes[i % 3].id;
    entry.in_sync = {{map.nodes[i % 3].id, Generation(1)}};
    entry.learners = {map.nodes[(i + 1) % 3].id};
    entry.term = Term(4);
    entry.deposed = {{map.nodes[(i + 1) % 3].id, Term(2)}, {map.nodes[(i + 2) % 3].id, Term(3)}};
  }
  map.shape.min_in_sync = 2;
  map.entries[0].departed = {NodeId("n3")};
  return map;
}

// What changed since the epoch before, as if all that it names had.
ring::MapUpdate small_delta() {
  const ring::ClusterMap map = small_map();
  ring::MapDelta delta{.cluster = map.cluster, .from = Epoch(2), .to = map.epoch, .shape = map.shape};
  delta.coordinators = map.coordinators;
  delta.nodes = {map.nodes[1]};
  delta.gone = {NodeId("n4")};
  delta.entries = {{PartitionId(0), map.entries[0]}, {PartitionId(3), map.entries[3]}};
  return {nullptr, std::make_shared<const ring::MapDelta>(delta)};
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
  request.ack = messages::kAckAll;
  request.id = {ClientId(5), WriteNumber(6)};
  return request;
}

using Named = std::vector<std::pair<std::string, Bytes>>;

const messages::Record kRecord{Bytes::literal("some value"), {Term(1), Sequence(9)}, UnixMillis(1'700'000'000'000)};
const messages::Standing kStanding{{Term(3), Sequence(9)}, {{Term(1), Sequence(1)}, {Term(3), Sequence(8)}}};

const messages::FaultRule kFault{"n2", messages::FaultRule::Direction::in, 0.5, from_ms(100), from_ms(20)};

Named honest_requests(const ring::ClusterMapPtr& map) {
  return {
      {"get", request_frame(messages::GetRequest{
                  Bytes::literal("key"), true, {messages::ReadLevel::bounded, from_ms(5), {Term(1), Sequence(2)}}})},
      {"write", request_frame(every_write())},
      {"scan", request_frame(messages::ScanRequest{PartitionId(3), Bytes::literal("pre"), Bytes::literal("prefix")})},
      {"map", request_frame(messages::MapRequest{Epoch(2)})},
      {"join", request_frame(messages::JoinRequest{Uuid::from_words(1, 2), map->nodes[0], Epoch(2)})},
      {"heartbeat", request_frame(messages::HeartbeatRequest{Uuid::from_words(1, 2), NodeId("n1"), Incarnation(4)})},
      {"status", request_frame(messages::StatusRequest{})},
      {"partitions", request_frame(messages::PartitionsRequest{})},
      {"digest", request_frame(messages::DigestRequest{PartitionId(3), UnixMillis(5)})},
      {"lost", request_frame(messages::LostRequest{7})},
      {"events", request_frame(messages::EventsRequest{7})},
      {"promote", request_frame(messages::PromoteRequest{NodeId("n1"), {PartitionId(3)}, true, {NodeId("n2")}})},
      {"plan", request_frame(messages::PlanRequest{})},
      {"apply", request_frame(messages::ApplyRequest{7})},
      {"moves", request_frame(messages::MovesRequest{})},
      {"cluster_set",
       request_frame(messages::ClusterSetRequest{true, false, true, 4, 5'000'000, 1.5, from_ms(60'000), 3, 2})},
      {"node_set",
       request_frame(messages::NodeSetRequest{NodeId("n1"), 2.0, "b", messages::NodeSetRequest::Action::drain})},
      {"hot", request_frame(messages::HotRequest{20})},
      {"faults", request_frame(messages::FaultsRequest{false, {kFault}})},
  };
}

Named honest_answers(const ring::ClusterMapPtr& map) {
  using messages::PartitionStatus;
  const PartitionStatus status{.partition = PartitionId(3),
                               .role = PartitionStatus::Role::primary,
                               .why = "no lease",
                               .members = {{.node = NodeId("n2"), .behind = 5}}};
  const messages::LostWrite lost{.partition = PartitionId(3),
                                 .position = {Term(1), Sequence(9)},
                                 .time = {},
                                 .id = {ClientId(5), WriteNumber(6)},
                                 .mutations = {{.key = Bytes::literal("key"), .record = kRecord}}};
  const messages::LostRange gone{PartitionId(3), Term(1), Sequence(10), Sequence(12), "the disk is gone"};
  return {
      {"error_answer",
       response_frame(Error{ErrorCode::busy, Outcome::unknown, "a stall", std::chrono::milliseconds(20)})},
      {"get_answer", response_frame(messages::GetResponse{kRecord, 500, kStanding})},
      {"no_key_answer", response_frame(messages::GetResponse{std::nullopt, -1, kStanding})},
      {"write_answer", response_frame(messages::WriteResponse{{{{Term(1), Sequence(9)}, true, true, 6}}, kStanding})},
      {"scan_answer",
       response_frame(messages::ScanResponse{{{Bytes::literal("prefix1"), kRecord, 500}}, true, kStanding})},
      {"map_answer", response_frame(messages::MapResponse{{map, nullptr}})},
      {"map_delta_answer", response_frame(messages::MapResponse{small_delta()})},
      {"no_map_answer", response_frame(messages::MapResponse{})},
      {"join_answer", response_frame(messages::JoinResponse{map})},
      {"heartbeat_answer", response_frame(messages::HeartbeatResponse{true, {map, nullptr}})},
      {"status_answer", response_frame(messages::StatusResponse{{{NodeId("n1"), true, 10}}, map})},
      {"partitions_answer", response_frame(messages::PartitionsResponse{{status}})},
      {"digest_answer", response_frame(messages::DigestResponse{{Term(1), Sequence(9)}, 5, 6, true})},
      {"lost_answer", response_frame(messages::LostResponse{{{1, UnixMillis(2), lost}, {2, UnixMillis(3), gone}}})},
      {"events_answer",
       response_frame(messages::EventsResponse{{{1, UnixMillis(2), "promoted", NodeId("n1"), "of p3"}}, true})},
      {"promote_answer", response_frame(messages::PromoteResponse{{PartitionId(3)}})},
  };
}

const messages::LoadReport::Item kLoad{PartitionId(3), 100, 10, 5'000'000};

Named honest_admin_answers() {
  const PartitionId p3(3);
  messages::PlanResponse plan{.estimate = from_ms(4000)};
  plan.plan.id = 7;
  plan.plan.target.partitions = {{NodeId("n1"), NodeId("n2")}};
  plan.plan.moves = {{p3, NodeId("n1"), NodeId("n2"), 500}, {p3, {}, NodeId("n3"), 500}};
  plan.plan.nodes = {{.node = NodeId("n1"), .share = 2.5, .before = {.replicas = 3}, .after = {.replicas = 2}}};
  messages::MovesResponse moves;
  moves.moves = {{p3, NodeId("n1"), NodeId("n2"), messages::MoveStatus::Stage::copying, 100, 500}};
  moves.nodes = {{.node = NodeId("n1"), .bytes = 500, .p99_us = 700}};
  return {
      {"plan_answer", response_frame(plan)},
      {"apply_answer", response_frame(messages::ApplyResponse{Epoch(8)})},
      {"moves_answer", response_frame(moves)},
      {"set_answer", response_frame(messages::SetResponse{Epoch(8)})},
      {"hot_answer", response_frame(messages::HotResponse{{{Bytes::literal("key"), p3, 70.5, 1.5}}, {kLoad}})},
      {"faults_answer", response_frame(messages::FaultsResponse{{kFault}})},
  };
}

messages::Append small_append() {
  messages::LoggedWrite write{.position = {Term(3), Sequence(9)},
                              .time = UnixMillis(5),
                              .mutations = {{.key = Bytes::literal("key"), .record = kRecord}},
                              .id = {ClientId(5), WriteNumber(6)},
                              .outcomes = {{.changed = true}}};
  write.mutations.push_back({.kind = messages::Mutation::Kind::del, .key = Bytes::literal("other"), .record = {}});
  messages::Append append{.partition = PartitionId(3), .term = Term(3)};
  append.history = kStanding.history;
  append.previous = {Term(2), Sequence(8)};
  append.writes = {std::make_shared<const messages::LoggedWrite>(write)};
  return append;
}

Named honest_one_way(const ring::ClusterMapPtr& map) {
  const PartitionId p3(3);
  const messages::PartitionTerm term{p3, Term(4)};
  const messages::WindowWrite seen{.id = {ClientId(5), WriteNumber(6)}, .outcomes = {{.changed = true}}};
  const std::vector<messages::FetchedKey> keys = {{Bytes::literal("key"), kRecord}};
  return {
      {"append", message_frame(small_append())},
      {"heartbeat_append", message_frame(messages::Append{.partition = p3, .term = Term(3), .serving = true})},
      {"append_ack", message_frame(messages::AppendAck{.partition = p3, .term = Term(3)})},
      {"given_up", message_frame(messages::GivenUp{p3, Term(3)})},
      {"fetch_keys", message_frame(messages::FetchKeys{p3, Term(3), 1, {Bytes::literal("key"), Bytes::literal("k")}})},
      {"fetched_keys", message_frame(messages::FetchedKeys{.partition = p3, .keys = keys, .window = {seen}})},
      {"snapshot_ask", message_frame(messages::SnapshotAsk{p3, Term(3), 1, 2})},
      {"snapshot_chunk", message_frame(messages::SnapshotChunk{
                             .partition = p3, .records = keys, .history = kStanding.history, .window = {seen}})},
      {"poll", message_frame(messages::Poll{NodeId("n1"), {term}})},
      {"seal", message_frame(messages::Seal{{term}})},
      {"order", message_frame(messages::Order{messages::Order::Kind::release, p3, Term(3), NodeId("n2")})},
      {"map_push", message_frame(messages::MapPush{{map, nullptr}})},
      {"map_delta_push", message_frame(messages::MapPush{small_delta()})},
      {"poll_answer", message_frame(messages::PollAnswer{{{p3, Term(4), true}}})},
      {"seal_answer", message_frame(messages::SealAnswer{Generation(1), {{.partition = p3, .promised = Term(4)}}})},
      {"set_in_sync", message_frame(messages::SetInSync{p3, Term(3), 5, {{NodeId("n1"), Generation(1)}}, true})},
      {"handed_over", message_frame(messages::HandedOver{p3, Term(3), NodeId("n2")})},
      {"peer_down", message_frame(messages::PeerDown{NodeId("n2"), Incarnation(4), true})},
      {"promises", message_frame(messages::Promises{{term}})},
      {"leaving", message_frame(messages::Leaving{})},
      {"accounted", message_frame(messages::Accounted{p3, Term(3)})},
      {"node_event", message_frame(messages::NodeEvent{.partition = p3, .detail = "a sentence"})},
      {"load_report", message_frame(messages::LoadReport{{kLoad}, {{p3, NodeId("n2"), 100, 500}}, 700, 300, 1})},
      {"retired", message_frame(messages::Retired{p3})},
      {"retire_ask", message_frame(messages::RetireAsk{p3, Term(3)})},
      {"retire_answer", message_frame(messages::RetireAnswer{p3, Term(3), {Term(3), Sequence(9)}, kStanding.history})},
  };
}

Named honest_messages() {
  const auto map = std::make_shared<const ring::ClusterMap>(small_map());
  ring::Placement placement;
  placement.partitions = {{NodeId("n1"), NodeId("n2")}, {NodeId("n2"), NodeId("n3")}, {}};
  Named all = {{"stored_map", wire::encode_map(*map)},
               {"stored_placement", wire::encode_placement(placement)},
               {"stored_settings", wire::encode_settings({{}, {{NodeId("n1"), 2.0, "b"}, {NodeId("n2"), {}, {}}}})},
               {"empty_frame", wire::encode({})}};
  for (const Named& some : {honest_requests(map), honest_answers(map), honest_admin_answers(), honest_one_way(map)}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
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
      {"hostile_half_a_billion_requests", raw_message({kFrameRoot, 3, kEmptyStructList, 0, ((1ull << 29) - 1) << 2})},
      {"hostile_unpaid_requests", raw_message({kFrameRoot, 3, kEmptyStructList, 0, 100 << 2})},
      {"hostile_far_pointer_to_itself", raw_message({kFarToItself})},
      {"hostile_list_out_of_bounds", raw_message({kFrameRoot, 3, 1 | 1'000'000 << 2 | 7ull << 32 | 9ull << 35, 0})},
      {"hostile_protocol_version", raw_message({kFrameRoot, 4, 0, 0})},
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
