#include "runtime/open_requests.h"

#include <utility>

#include "base/assert.h"
#include "base/limits.h"

namespace gyre::runtime {

namespace {

std::size_t bytes_of(const messages::Request& request) {
  std::size_t bytes = sizeof request;
  if (const auto* write = std::get_if<messages::WriteRequest>(&request.body)) {
    for (const auto& operation : write->operations) {
      bytes += sizeof operation + operation.key.size() + operation.value.size();
    }
  }
  return bytes;
}

std::size_t bytes_of(const messages::ResponseBody& found) {
  std::size_t bytes = 0;
  if (const auto* get = std::get_if<messages::GetResponse>(&found)) {
    if (get->record) bytes += get->record->value.size();
  } else if (const auto* scan = std::get_if<messages::ScanResponse>(&found)) {
    for (const auto& item : scan->items) bytes += sizeof item + item.key.size() + item.record.value.size();
  }
  return bytes;
}

// Others may take as long as they like.
bool of_one_key(const messages::RequestBody& body) {
  return std::holds_alternative<messages::GetRequest>(body) || std::holds_alternative<messages::WriteRequest>(body);
}

}  // namespace

Ticket OpenRequests::add(const replication::Moment& now, const ResponderPtr& from, const messages::Request& request) {
  const Duration budget = request.budget > Duration(0) ? request.budget : limits::kRequestWaitMax;
  OpenRequest open{.from = from, .id = request.id, .deadline = now.steady + budget, .bytes = bytes_of(request)};
  if (of_one_key(request.body) && context_.load.samples_next()) {
    open.sampled_at = context_.load.arrival(context_.environment.found());
  }
  bytes_ += open.bytes;
  return table_.insert(std::move(open));
}

OpenRequest& OpenRequests::get(Ticket ticket) {
  OpenRequest* request = table_.find(ticket);
  GYRE_ASSERT(request != nullptr);
  return *request;
}

void OpenRequests::hold(Ticket ticket, messages::ResponseBody found) {
  OpenRequest& request = get(ticket);
  const std::size_t bytes = bytes_of(found);
  request.found = std::move(found);
  request.bytes += bytes;
  bytes_ += bytes;
}

void OpenRequests::respond(Ticket ticket, messages::ResponseBody body) {
  auto request = table_.take(ticket);
  GYRE_ASSERT(request);
  bytes_ -= request->bytes;
  // What was refused did not take the time that it takes to do it.
  if (request->sampled_at != Instant() && !std::holds_alternative<Error>(body)) {
    context_.load.on_latency(context_.environment.now().steady - request->sampled_at);
  }
  const ring::ClusterMapPtr& map = context_.machines.map();
  request->from->respond({request->id, map ? map->epoch : Epoch(0), std::move(body)});
}

void OpenRequests::refuse(Ticket ticket, Error error) {
  if (error.code != ErrorCode::not_found && error.code != ErrorCode::condition_failed) context_.metrics.refused.add();
  respond(ticket, std::move(error));
}

}  // namespace gyre::runtime
