// What decoding and encoding cost per operation: the frames of gets and puts of 100-byte values, 1 and 16 deep, appends
// of such puts and their acknowledgements, the cluster map, and pipelines of 16 Redis commands.
#include <memory>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "wire/codec.h"
#include "wire/framing.h"
#include "wire/resp_parser.h"
#include "wire/resp_reader.h"
#include "wire/resp_writer.h"

namespace {

using namespace gyre;

constexpr std::size_t kValueBytes = 100;

messages::Frame frame_of(std::int64_t depth, auto add) {
  messages::Frame frame;
  for (std::int64_t i = 0; i < depth; ++i) add(frame, static_cast<std::uint64_t>(i));
  return frame;
}

Bytes key_of(std::uint64_t i) { return Bytes::copy_of(fmt::format("user:{:012}", i)); }

void add_get_request(messages::Frame& frame, std::uint64_t i) {
  frame.requests.push_back({RequestId(i), from_ms(2000), Epoch(7), messages::GetRequest{key_of(i)}});
}

void add_put_request(messages::Frame& frame, std::uint64_t i) {
  messages::WriteOperation put;
  put.key = key_of(i);
  put.value = Bytes::copy_of(std::string(kValueBytes, 'v'));
  frame.requests.push_back({RequestId(i), from_ms(2000), Epoch(7), messages::WriteRequest{{put}}});
}

void add_get_response(messages::Frame& frame, std::uint64_t i) {
  messages::GetResponse get;
  get.record = messages::Record{Bytes::copy_of(std::string(kValueBytes, 'v')), {Term(3), Sequence(i)}};
  frame.responses.push_back({RequestId(i), Epoch(7), get});
}

void add_put_response(messages::Frame& frame, std::uint64_t i) {
  frame.responses.push_back(
      {RequestId(i), Epoch(7), messages::WriteResponse{{{{Term(3), Sequence(i)}, true, true, 0}}}});
}

messages::Frame append_frame(std::int64_t writes) {
  messages::Append append{.partition = PartitionId(7), .term = Term(3)};
  append.previous = {Term(3), Sequence(0)};
  for (std::uint64_t i = 1; i <= static_cast<std::uint64_t>(writes); ++i) {
    auto write = std::make_shared<messages::LoggedWrite>();
    write->position = {Term(3), Sequence(i)};
    write->mutations.push_back(
        {.key = key_of(i), .record = {Bytes::copy_of(std::string(kValueBytes, 'v')), write->position}});
    write->id = {ClientId(5), WriteNumber(i)};
    write->outcomes.push_back({.version = write->position, .changed = true});
    append.writes.push_back(std::move(write));
  }
  messages::Frame frame;
  frame.sender = {Uuid::from_words(1, 2), NodeId("n1"), Incarnation(3)};
  frame.messages.emplace_back(std::move(append));
  return frame;
}

messages::Frame ack_frame(std::int64_t count) {
  messages::Frame frame;
  frame.messages.assign(static_cast<std::size_t>(count), messages::AppendAck{.partition = PartitionId(7)});
  return frame;
}

template <auto Make>
void encode_messages(benchmark::State& state) {
  const messages::Frame frame = Make(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(wire::encode_split(frame, {}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["frame_bytes"] = static_cast<double>(wire::encode(frame).size());
}

template <auto Make>
void decode_messages(benchmark::State& state) {
  const Bytes bytes = wire::encode(Make(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(wire::decode(bytes, {}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <auto Add>
void encode_frames(benchmark::State& state) {
  const messages::Frame frame = frame_of(state.range(0), Add);
  for (auto _ : state) benchmark::DoNotOptimize(wire::encode(frame));
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["frame_bytes"] = static_cast<double>(wire::encode(frame).size());
}

template <auto Add>
void decode_frames(benchmark::State& state) {
  const Bytes bytes = wire::encode(frame_of(state.range(0), Add));
  for (auto _ : state) benchmark::DoNotOptimize(wire::decode(bytes, {}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// What a server's CPU does with the bytes of one get or put: finds the frame, decodes it, encodes the answers.
template <auto AddRequest, auto AddResponse>
void serve_frames(benchmark::State& state) {
  const Bytes request = wire::encode(frame_of(state.range(0), AddRequest));
  const messages::Frame answer = frame_of(state.range(0), AddResponse);
  wire::FrameReader reader(wire::Limits().frame_bytes_max());
  for (auto _ : state) {
    std::ranges::copy(request.view(), reader.prepare().data());
    reader.commit(request.size());
    benchmark::DoNotOptimize(wire::decode(*reader.next().value(), {}));
    benchmark::DoNotOptimize(wire::encode(answer));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

ring::ClusterMap large_map() {
  ring::ClusterMap map;
  map.cluster = Uuid::from_words(1, 2);
  map.shape.partitions = 4096;
  map.shape.replication_factor = 3;
  for (int i = 0; i < 200; ++i) {
    ring::NodeInfo& node = map.nodes.emplace_back();
    node.id = NodeId(fmt::format("node-{:03}", i));
    node.data_id = Uuid::from_words(3, static_cast<std::uint64_t>(i));
    node.addresses = {"10.0.0.1:7100", "10.0.0.1:7200", "10.0.0.1:7300"};
  }
  for (std::size_t i = 0; i < map.shape.partitions; ++i) {
    ring::PartitionEntry& entry = map.entries.emplace_back();
    for (std::size_t k = 0; k < 3; ++k) {
      entry.in_sync.push_back({map.nodes[(i * 7 + k * 31) % map.nodes.size()].id, Generation(1)});
    }
    entry.primary = entry.in_sync.front().node;
  }
  return map;
}

void encode_map(benchmark::State& state) {
  const ring::ClusterMap map = large_map();
  for (auto _ : state) benchmark::DoNotOptimize(wire::encode_map(map));
  state.counters["map_bytes"] = static_cast<double>(wire::encode_map(map).size());
}

void decode_map(benchmark::State& state) {
  const Bytes bytes = wire::encode_map(large_map());
  for (auto _ : state) benchmark::DoNotOptimize(wire::decode_map(bytes));
}

constexpr std::size_t kPipeline = 16;

void add_resp_command(std::string& out, std::initializer_list<std::string_view> arguments) {
  wire::RespWriter writer(out);
  writer.array(arguments.size());
  for (const std::string_view argument : arguments) writer.bulk(argument);
}

// As redis-benchmark sends them.
std::string resp_sets() {
  std::string out;
  for (std::size_t i = 0; i < kPipeline; ++i) {
    add_resp_command(out, {"SET", fmt::format("key:{:012}", i), std::string(kValueBytes, 'v')});
  }
  return out;
}

std::string resp_gets() {
  std::string out;
  for (std::size_t i = 0; i < kPipeline; ++i) add_resp_command(out, {"GET", fmt::format("key:{:012}", i)});
  return out;
}

template <auto Make>
void parse_resp(benchmark::State& state) {
  const std::string pipeline = Make();
  wire::RespParser parser;
  parser.set_authenticated(true);
  for (auto _ : state) {
    std::string_view rest = pipeline;
    while (!rest.empty()) {
      rest.remove_prefix(parser.next(rest).consumed);
      benchmark::DoNotOptimize(parser.arguments().data());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPipeline));
}

void write_resp_values(benchmark::State& state) {
  const std::string value(kValueBytes, 'v');
  std::string out;
  for (auto _ : state) {
    out.clear();
    wire::RespWriter writer(out);
    for (std::size_t i = 0; i < kPipeline; ++i) writer.bulk(value);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPipeline));
}

void write_resp_integers(benchmark::State& state) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    wire::RespWriter writer(out);
    for (std::size_t i = 0; i < kPipeline; ++i) writer.integer(static_cast<std::int64_t>(i * 1'234'567));
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPipeline));
}

void read_resp_values(benchmark::State& state) {
  std::string replies;
  wire::RespWriter writer(replies);
  for (std::size_t i = 0; i < kPipeline; ++i) writer.bulk(std::string(kValueBytes, 'v'));
  wire::RespReader reader;
  for (auto _ : state) {
    std::string_view rest = replies;
    while (!rest.empty()) {
      const auto reply = reader.next(rest);
      rest.remove_prefix(reply->consumed);
      benchmark::DoNotOptimize(reply);
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kPipeline));
}

BENCHMARK(parse_resp<resp_sets>);
BENCHMARK(parse_resp<resp_gets>);
BENCHMARK(write_resp_values);
BENCHMARK(write_resp_integers);
BENCHMARK(read_resp_values);
BENCHMARK(encode_frames<add_get_request>)->Arg(1)->Arg(16);
BENCHMARK(encode_frames<add_put_request>)->Arg(1)->Arg(16);
BENCHMARK(encode_frames<add_get_response>)->Arg(1)->Arg(16);
BENCHMARK(encode_frames<add_put_response>)->Arg(1)->Arg(16);
BENCHMARK(decode_frames<add_get_request>)->Arg(1)->Arg(16);
BENCHMARK(decode_frames<add_put_request>)->Arg(1)->Arg(16);
BENCHMARK(decode_frames<add_get_response>)->Arg(1)->Arg(16);
BENCHMARK(decode_frames<add_put_response>)->Arg(1)->Arg(16);
BENCHMARK(serve_frames<add_get_request, add_get_response>)->Arg(1)->Arg(16);
BENCHMARK(serve_frames<add_put_request, add_put_response>)->Arg(1)->Arg(16);
BENCHMARK(encode_messages<append_frame>)->Arg(1)->Arg(100);
BENCHMARK(decode_messages<append_frame>)->Arg(1)->Arg(100);
BENCHMARK(encode_messages<ack_frame>)->Arg(256);
BENCHMARK(decode_messages<ack_frame>)->Arg(256);
BENCHMARK(encode_map);
BENCHMARK(decode_map);

}  // namespace
