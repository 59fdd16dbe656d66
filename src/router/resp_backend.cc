#include "router/resp_backend.h"

#include <utility>

namespace gyre::router {

redis::Parsed<messages::ReadConsistency> RespBackend::route(const resp::Client& client, const redis::Command&,
                                                            std::optional<Slot>) const {
  if (refusing_) return redis::refuse("CLUSTERDOWN this router stops: connect to another");
  if (map() == nullptr) return redis::refuse("LOADING this router has no cluster map yet: none of its seeds gave one");
  return client.read;
}

void RespBackend::ask(runtime::ResponderPtr from, Slot, messages::Request request) {
  caller_.call({std::move(request.body), net::steady_now() + deadline_},
               [from = std::move(from), id = request.id](Result<messages::ResponseBody> result) {
                 messages::Response response{id, {}};
                 if (result) {
                   response.body = *std::move(result);
                 } else {
                   response.body = std::move(result).error();
                 }
                 from->respond(std::move(response));
               });
}

}  // namespace gyre::router
