#include "router/cluster_backend.h"

#include <utility>

#include "base/limits.h"

namespace gyre::router {

namespace {

// What an answer has to be like.
struct Wanted {
  std::size_t kind;  // index of ResponseBody
  std::size_t operations = 0;
};

const Wanted kGetWanted{messages::ResponseBody(messages::GetResponse{}).index()};
const Wanted kScanWanted{messages::ResponseBody(messages::ScanResponse{}).index()};

// What came from the network is of the kind that was asked for.
messages::ResponseBody checked(Result<messages::ResponseBody> result, const Wanted& wanted) {
  if (!result) return std::move(result).error();
  const auto* written = std::get_if<messages::WriteResponse>(&*result);
  const bool fits = result->index() == wanted.kind && (!written || written->outcomes.size() == wanted.operations);
  if (fits) return *std::move(result);
  return Error{ErrorCode::internal,
               wanted.operations == 0 ? Outcome::not_applied : Outcome::unknown,
               "a node gave an answer of another kind than was asked for: do all run the same version?",
               {}};
}

}  // namespace

redis::Parsed<messages::ReadConsistency> ClusterBackend::route(const resp::Client& client, const redis::Command&,
                                                               std::optional<Slot>) const {
  if (map() == nullptr) return redis::refuse("LOADING this router has no cluster map yet: none of its seeds gave one");
  return client.read;
}

void ClusterBackend::ask(runtime::ResponderPtr from, const resp::Client& client, Slot, messages::Request request,
                         Instant deadline) {
  Coalescer::Reader asker{std::move(from), request.id};
  if (auto* get = std::get_if<messages::GetRequest>(&request.body)) {
    return read(std::move(*get), std::move(asker), client, deadline);
  }
  if (auto* writes = std::get_if<messages::WriteRequest>(&request.body)) {
    return write(std::move(*writes), std::move(asker), client, deadline);
  }
  routing::Call call{.body = std::move(request.body), .deadline = deadline, .affinity = client.affinity};
  const auto* scan = std::get_if<messages::ScanRequest>(&call.body);
  if (client.seen && scan != nullptr) call.seen = scan->read.seen;
  caller_.call(std::move(call), [asker = std::move(asker)](Result<messages::ResponseBody> result) {
    asker.from->respond({.id = asker.id, .epoch = {}, .body = checked(std::move(result), kScanWanted)});
  });
}

// --- Reads ---

void ClusterBackend::read(messages::GetRequest read, Coalescer::Reader reader, const resp::Client& client,
                          Instant deadline) {
  if (cache_.enabled()) {
    if (auto hit = cache_.find(net::steady_now(), read)) {
      return reader.from->respond({.id = reader.id, .epoch = {}, .body = *std::move(hit)});
    }
    read.read = cache_.asked_for(read.read);
  }
  // What a session carries goes with its own requests alone.
  if (client.seen || !coalesces_) {
    Coalescer::Group alone{.read = std::move(read), .readers = {}, .deadline = deadline};
    alone.readers.push_back(std::move(reader));
    return send(std::move(alone), client.affinity, client.seen != nullptr);
  }
  if (!coalescer_.has_room(read)) {
    return reader.from->respond({.id = reader.id,
                                 .epoch = {},
                                 .body = Error{ErrorCode::busy, Outcome::not_applied,
                                               "too many reads of this key wait already", limits::kBusyRetryAfter}});
  }
  if (auto group = coalescer_.on_read(read, std::move(reader), deadline)) {
    send(*std::move(group), client.affinity, false);
  }
}

void ClusterBackend::send(Coalescer::Group group, std::uint64_t affinity, bool in_session) {
  routing::Call call{.body = group.read, .deadline = group.deadline, .affinity = affinity};
  if (in_session) call.seen = group.read.read.seen;
  if (!cache_.enabled()) {
    return caller_.call(std::move(call), [this, group = std::move(group), affinity](auto result) {
      on_answer(group, std::move(result), affinity);
    });
  }
  const ReadCache::Stamp stamp = cache_.begin(group.read.key);
  const Instant asked_at = net::steady_now();
  caller_.call(std::move(call), [this, group = std::move(group), affinity, stamp, asked_at](auto result) {
    const auto* answer = result ? std::get_if<messages::GetResponse>(&*result) : nullptr;
    if (answer != nullptr) cache_.keep(asked_at, stamp, group.read, *answer);
    on_answer(group, std::move(result), affinity);
  });
}

void ClusterBackend::on_answer(const Coalescer::Group& group, Result<messages::ResponseBody> result,
                               std::uint64_t affinity) {
  const messages::ResponseBody body = checked(std::move(result), kGetWanted);
  for (const Coalescer::Reader& reader : group.readers) {
    reader.from->respond({.id = reader.id, .epoch = {}, .body = body});
  }
  if (!group.joined) return;
  if (auto next = coalescer_.on_answered(group.read)) send(*std::move(next), affinity, false);
}

// --- Writes ---

void ClusterBackend::write(messages::WriteRequest write, Coalescer::Reader writer, const resp::Client& client,
                           Instant deadline) {
  const Wanted wanted{messages::ResponseBody(messages::WriteResponse{}).index(), write.operations.size()};
  std::vector<Bytes> keys;  // that may be in the cache
  if (cache_.enabled()) {
    for (const messages::WriteOperation& operation : write.operations) keys.push_back(operation.key);
  }
  drop(keys);
  routing::Call call{.body = {}, .deadline = deadline, .affinity = client.affinity};
  if (client.seen) call.seen = write.seen;
  call.body = std::move(write);
  caller_.call(std::move(call), [this, writer = std::move(writer), wanted, keys = std::move(keys)](auto result) {
    drop(keys);
    writer.from->respond({.id = writer.id, .epoch = {}, .body = checked(std::move(result), wanted)});
  });
}

void ClusterBackend::drop(const std::vector<Bytes>& keys) {
  for (const Bytes& key : keys) cache_.drop(key);
}

}  // namespace gyre::router
