#include "node/coordinator_link.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "node/options.h"

namespace gyre::node {

namespace {

bool admits(const Result<messages::ResponseBody>& answer) {
  if (!answer) return false;
  const auto* heartbeat = std::get_if<messages::HeartbeatResponse>(&*answer);
  return heartbeat ? !heartbeat->join_again : std::holds_alternative<messages::JoinResponse>(*answer);
}

}  // namespace

// Of one connection; forgets the link when the connection is no longer the current one.
class CoordinatorLink::Handler : public net::ConnectionHandler {
 public:
  Handler(std::weak_ptr<CoordinatorLink> link, ConnectionId connection)
      : link_(std::move(link)), connection_(connection) {}

  void on_frame(messages::Frame frame) override {
    const auto link = current();
    if (!link) return;
    if (!frame.messages.empty()) link->on_messages(frame.sender, std::move(frame.messages));
    for (auto& response : frame.responses) {
      if (response.id != link->last_request_) continue;
      link->answered_ = true;
      link->heard_ = true;
      link->on_answer(std::move(response.body));
    }
  }

  void on_closed(const Error& why) override {
    const auto link = current();
    if (!link) return;
    link->connection_ = nullptr;
    link->on_answer(fail(why));
  }

 private:
  std::shared_ptr<CoordinatorLink> current() const {
    auto link = link_.lock();
    return link && link->connection_ && link->connection_->id() == connection_ ? link : nullptr;
  }

  std::weak_ptr<CoordinatorLink> link_;
  ConnectionId connection_;
};

CoordinatorLink::CoordinatorLink(net::Loop& loop, std::vector<std::string> coordinators, control::Agent agent,
                                 messages::Sender self, Callbacks callbacks, net::Faults* faults)
    : loop_(loop),
      coordinators_(std::move(coordinators)),
      agent_(std::move(agent)),
      self_(std::move(self)),
      callbacks_(std::move(callbacks)),
      faults_(faults) {}

void CoordinatorLink::start() {
  agent_.on_deadline(net::steady_now());
  drive();
}

void CoordinatorLink::stop() {
  stopped_ = true;
  disconnect("the node stops");
}

void CoordinatorLink::disconnect(const std::string& why) {
  if (const auto connection = std::exchange(connection_, nullptr)) {
    connection->close({ErrorCode::unavailable, Outcome::not_applied, why, {}});
  }
}

void CoordinatorLink::drive() {
  if (stopped_) return;
  for (auto& effect : agent_.take_effects()) {
    std::visit([this](auto&& e) { carry_out(std::forward<decltype(e)>(e)); }, std::move(effect));
  }
  set_alarm();
}

void CoordinatorLink::set_alarm() {
  if (stopped_) return;
  alarm_.set(agent_.next_deadline(), [self = shared_from_this()] {
    if (self->stopped_) return;
    self->agent_.on_deadline(net::steady_now());
    self->drive();
  });
}

void CoordinatorLink::carry_out(control::AskCoordinator ask) {
  // A connection that owes an answer may be to a machine that is gone: a new one tells.
  if (connection_ && answered_ && connected_to_ == ask.coordinator) return send(std::move(ask.body));
  disconnect("another connection is tried");
  connected_to_ = ask.coordinator;
  connect_and_ask(std::move(ask.body));
}

void CoordinatorLink::connect_and_ask(messages::RequestBody body) {
  auto shared = std::make_shared<messages::RequestBody>(std::move(body));
  net::connect(loop_, coordinators_[connected_to_], kConnectLimit, wire::Limits{},
               [weak = weak_from_this(), shared, attempt = ++attempts_](Result<net::ConnectionPtr> connection) {
                 const auto self = weak.lock();
                 if (!self || self->stopped_ || self->attempts_ != attempt) return;
                 if (!connection) return self->on_answer(fail(std::move(connection).error()));
                 self->connection_ = *connection;
                 self->heard_ = false;
                 self->admitted_ = false;
                 self->connection_->set_faults(self->faults_, std::string(net::kCoordinatorPeer));
                 self->connection_->start(std::make_shared<Handler>(weak, self->connection_->id()));
                 self->send(std::move(*shared));
               });
}

void CoordinatorLink::send(messages::RequestBody body) {
  last_request_ = last_request_.next();
  answered_ = false;
  connection_->send(messages::Request{last_request_, Duration(0), Epoch(0), std::move(body)});
}

void CoordinatorLink::on_answer(Result<messages::ResponseBody> answer) {
  admitted_ = admits(answer);
  agent_.on_answer(net::steady_now(), std::move(answer));
  drive();
  send_events();
}

void CoordinatorLink::on_messages(const messages::Sender& sender, std::vector<messages::Message> messages) {
  if (sender.cluster != agent_.cluster() || !sender.node.empty()) return;
  for (messages::Message& message : messages) {
    if (auto* push = std::get_if<messages::MapPush>(&message)) {
      agent_.on_map(net::steady_now(), push->update);
    } else {
      callbacks_.on_message(sender, std::move(message));
    }
  }
  drive();
}

void CoordinatorLink::tell(messages::Message message) {
  if (auto* event = std::get_if<messages::NodeEvent>(&message)) {
    keep(std::move(*event));
    return send_events();
  }
  if (!connection_ || !agent_.joined()) return;
  self_.cluster = agent_.cluster();
  connection_->set_sender(self_);
  connection_->send(std::move(message));
}

void CoordinatorLink::keep(messages::NodeEvent event) {
  if (events_.size() >= limits::kNodeEventsQueuedMax) {
    events_.pop_front();
    ++events_dropped_;
  }
  events_.push_back(std::move(event));
}

// While a request is open, the coordinator may be gone without a word, and what is sent with it.
void CoordinatorLink::send_events() {
  if (events_.empty() || !connection_ || !admitted_ || !answered_ || !agent_.joined()) return;
  if (const auto dropped = std::exchange(events_dropped_, 0)) {
    spdlog::warn("{} events were dropped while no coordinator was there: the cluster's log lacks them", dropped);
  }
  self_.cluster = agent_.cluster();
  connection_->set_sender(self_);
  for (auto& event : std::exchange(events_, {})) connection_->send(std::move(event));
}

bool CoordinatorLink::in_contact() const { return connection_ && heard_ && agent_.joined(); }

void CoordinatorLink::carry_out(control::AdoptMap adopt) { callbacks_.on_map(std::move(adopt.map)); }

void CoordinatorLink::carry_out(const control::Refused& refused) { callbacks_.on_refused(refused.error); }

void CoordinatorLink::carry_out(const control::AgentEvent& event) {
  if (event.waiting) {
    spdlog::warn("{}", event.detail);
  } else {
    spdlog::info("{}", event.detail);
  }
}

}  // namespace gyre::node
