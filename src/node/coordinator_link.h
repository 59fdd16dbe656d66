// Carries out what the membership agent decides: keeps a connection to a coordinator and sends its requests there.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "control/agent.h"
#include "net/alarm.h"
#include "net/connection.h"

namespace gyre::node {

// THREAD: its loop's.
class CoordinatorLink : public std::enable_shared_from_this<CoordinatorLink> {
 public:
  struct Callbacks {
    std::function<void(ring::ClusterMapPtr)> on_map;
    std::function<void(const messages::Sender&, messages::Message)> on_message;  // Poll, Seal or Order
    std::function<void(const Error&)> on_refused;  // at most once; the node must stop
  };

  // `self`: in front of what is told; its cluster is filled in. `faults`: of this process, and outlives the link; may
  // be null.
  CoordinatorLink(net::Loop& loop, std::vector<std::string> coordinators, control::Agent agent, messages::Sender self,
                  Callbacks callbacks, net::Faults* faults = nullptr);

  void start();
  // Drops the connection and asks nothing more.
  void stop();
  // A NodeEvent waits until a coordinator has admitted this node on the present connection. Anything else is lost where
  // none is connected: its sender repeats it.
  void tell(messages::Message message);
  // This node is a member, and the coordinator it asks has answered on the present connection.
  bool in_contact() const;

 private:
  class Handler;

  void drive();
  void carry_out(control::AskCoordinator ask);
  void carry_out(control::AdoptMap adopt);
  void carry_out(const control::Refused& refused);
  void carry_out(const control::AgentEvent& event);
  void connect_and_ask(messages::RequestBody body);
  void disconnect(const std::string& why);
  void send(messages::RequestBody body);
  void on_answer(Result<messages::ResponseBody> answer);
  void on_messages(const messages::Sender& sender, std::vector<messages::Message> messages);
  void keep(messages::NodeEvent event);
  void send_events();
  void set_alarm();

  net::Loop& loop_;
  std::vector<std::string> coordinators_;
  control::Agent agent_;
  messages::Sender self_;
  Callbacks callbacks_;
  net::Faults* faults_;
  net::ConnectionPtr connection_;
  std::size_t connected_to_ = 0;
  std::uint64_t attempts_ = 0;  // to connect; only the last one counts
  RequestId last_request_;
  bool answered_ = false;  // the last request that was sent on connection_
  bool heard_ = false;  // any answer on connection_
  bool admitted_ = false;  // the last answer on connection_ says that its sender knows this process
  std::deque<messages::NodeEvent> events_;  // oldest first
  std::uint64_t events_dropped_ = 0;  // since the last one was sent
  net::Alarm alarm_{loop_};
  bool stopped_ = false;
};

}  // namespace gyre::node
