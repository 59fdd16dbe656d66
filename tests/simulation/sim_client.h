// A client in the simulator: the real routing machine over the virtual network.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "routing/dispatcher.h"
#include "tests/simulation/network.h"

namespace gyre::simulation {

class SimClient {
 public:
  using Done = std::function<void(Result<messages::ResponseBody>)>;
  using OnLost = std::function<void(const routing::Lost&)>;

  SimClient(Scheduler& scheduler, Network& network, std::string name, std::vector<std::string> seeds,
            double clock_rate);

  void call(messages::RequestBody body, Duration deadline, Done done);
  // Acknowledged writes of this client are lost, it is told.
  void on_lost(OnLost on_lost) { on_lost_ = std::move(on_lost); }
  // The client has another map.
  void on_map(std::function<void(const ring::ClusterMap&)> on_map) { on_map_ = std::move(on_map); }
  // Under which writes were sent since the last call.
  const std::vector<messages::WriteId>& ids_sent() const { return ids_sent_; }
  bool idle() const { return open_.empty(); }
  const std::string& name() const { return name_; }
  HostId host_id() const { return host_; }
  // Null before the first.
  ring::ClusterMapPtr map() const { return dispatcher_.map(); }
  void check_invariants() const { dispatcher_.check_invariants(); }

 private:
  Instant local() const { return clock_.steady(scheduler_.now()); }
  void drive();
  void carry_out(routing::Connect connect);
  void carry_out(const routing::Disconnect& disconnect);
  void carry_out(routing::Send send);
  void carry_out(routing::Complete complete);
  void carry_out(const routing::Lost& lost);

  Scheduler& scheduler_;
  Network& network_;
  std::string name_;
  HostId host_;
  Clock clock_;
  routing::Dispatcher dispatcher_;
  std::map<routing::CallId, Done> open_;
  std::map<routing::LinkId, Network::Link> links_;
  OnLost on_lost_;
  std::function<void(const ring::ClusterMap&)> on_map_;
  ring::ClusterMapPtr map_told_;
  std::vector<messages::WriteId> ids_sent_;
  std::uint64_t last_call_ = 0;
  Instant armed_ = kNever;
};

}  // namespace gyre::simulation
