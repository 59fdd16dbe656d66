#include "router/resp_backend.h"

#include <utility>

namespace gyre::router {

namespace {

// What came from the network is of the kind that was asked for; `operations`: of a write, 0 for a read.
messages::ResponseBody checked(Result<messages::ResponseBody> result, std::size_t operations) {
  if (!result) return std::move(result).error();
  const auto* written = std::get_if<messages::WriteResponse>(&*result);
  const bool fits = operations == 0 ? std::holds_alternative<messages::GetResponse>(*result)
                                    : written != nullptr && written->outcomes.size() == operations;
  if (fits) return *std::move(result);
  return Error{ErrorCode::internal,
               operations == 0 ? Outcome::not_applied : Outcome::unknown,
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
  const auto* write = std::get_if<messages::WriteRequest>(&request.body);
  const std::size_t operations = write != nullptr ? write->operations.size() : 0;
  caller_.call({std::move(request.body), deadline},
               [from = std::move(from), id = request.id, operations](Result<messages::ResponseBody> result) {
                 from->respond({.id = id, .epoch = {}, .body = checked(std::move(result), operations)});
               });
}

}  // namespace gyre::router
