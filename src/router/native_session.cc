#include "router/native_session.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/limits.h"
#include "net/loop.h"
#include "routing/target.h"

namespace gyre::router {

using messages::MapRequest;
using messages::Request;

namespace {

// The native protocol knows no users; whoever speaks it is limited by address, and with all others.
const resp::User& nobody() {
  static const resp::User user{.name = "native"};
  return user;
}

}  // namespace

NativeSession::NativeSession(const Shared& shared, net::ConnectionPtr connection)
    : RequestSession(std::move(connection), shared.malformed, "the router stops"), shared_(shared) {
  client_.user = &nobody();
  client_.peer = this->connection().peer();
  client_.address = client_.peer.substr(0, client_.peer.rfind(':'));
  client_.affinity = hash64(client_.address);
  client_.seen = std::make_unique<resp::Seen>();  // its requests say themselves what they have seen
}

Result<void> NativeSession::check(const Request& request) const {
  if (!routing::has_partition(request.body)) {
    return fail(ErrorCode::unsupported,
                "this is a router: it serves gets, writes and scans; send what is about the cluster, a node or a "
                "ledger to the coordinator or the node");
  }
  if (shared_.backend.map() == nullptr) {
    return fail(ErrorCode::unavailable, "this router has no cluster map yet: none of its seeds gave one");
  }
  if (!shared_.server.rates.concern(*client_.user)) return {};
  const Duration wait = shared_.server.rates.take(net::steady_now(), client_.address, *client_.user);
  if (wait == Duration(0)) return {};
  return fail(Error{ErrorCode::busy, Outcome::not_applied, "too many requests a second",
                    std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), limits::kBusyRetryAfter)});
}

void NativeSession::on_request(Request request) {
  if (const auto* asked = std::get_if<MapRequest>(&request.body)) return answer_map(request.id, asked->known);
  if (auto may = check(request); !may) return answer(request.id, std::move(may).error());
  const Duration budget = request.budget > Duration(0) ? request.budget : Duration(limits::kRequestWaitMax);
  const Instant deadline = net::steady_now() + budget;
  shared_.backend.ask(shared_from_this(), client_, Slot(), std::move(request), deadline);
}

void NativeSession::answer_map(RequestId id, Epoch known) {
  ring::MapUpdate update = shared_.front.update_for(known, shared_.backend.map());
  if (!update.empty() && !take_map_turn()) return answer(id, map_is_on_its_way());
  answer(id, messages::MapResponse{std::move(update)});
}

void NativeSession::respond(messages::Response response) { answer(response.id, std::move(response.body)); }

void NativeSession::answer(RequestId id, messages::ResponseBody body) {
  const auto& map = shared_.backend.map();
  send({id, map != nullptr ? map->epoch : Epoch(0), std::move(body)});
}

}  // namespace gyre::router
