#include "router/resp_backend.h"

#include <utility>

namespace gyre::router {

namespace {

// What an answer has to be like.
struct Wanted {
  std::size_t kind;  // index of ResponseBody
  std::size_t operations = 0;
};

Wanted wanted_by(const messages::RequestBody& body) {
  if (const auto* write = std::get_if<messages::WriteRequest>(&body)) {
    return {messages::ResponseBody(messages::WriteResponse{}).index(), write->operations.size()};
  }
  if (std::holds_alternative<messages::ScanRequest>(body)) {
    return {messages::ResponseBody(messages::ScanResponse{}).index()};
  }
  return {messages::ResponseBody(messages::GetResponse{}).index()};
}

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

redis::Parsed<messages::ReadConsistency> RespBackend::route(const resp::Client& client, const redis::Command&,
                                                            std::optional<Slot>) const {
  if (map() == nullptr) return redis::refuse("LOADING this router has no cluster map yet: none of its seeds gave one");
  return client.read;
}

void RespBackend::ask(runtime::ResponderPtr from, Slot, messages::Request request, Instant deadline) {
  const Wanted wanted = wanted_by(request.body);
  caller_.call({std::move(request.body), deadline},
               [from = std::move(from), id = request.id, wanted](Result<messages::ResponseBody> result) {
                 from->respond({.id = id, .epoch = {}, .body = checked(std::move(result), wanted)});
               });
}

}  // namespace gyre::router
