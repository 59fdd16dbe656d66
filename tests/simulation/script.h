// Scripted runs: one partition, every step told, the same checks as in random runs.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/cluster.h"

namespace gyre::simulation {

// A request sent straight to a node, and its answer.
struct Asked {
  std::optional<Result<messages::ResponseBody>> answer;  // none yet
  bool answered() const { return answer.has_value(); }
  bool ok() const { return answered() && answer->has_value(); }
};
using AskedPtr = std::shared_ptr<Asked>;

// A cluster of a few nodes with one partition, at peace: nothing fails unless the script says so. When it begins, A is
// the primary, B and C (and D) the other nodes by name, all members in sync. A spare node is D, and does not run yet.
//
// A step that does not come about is a failure like any other: finish() gives the first.
class Script {
 public:
  explicit Script(const ClusterOptions& options);

  static constexpr PartitionId kPartition{0};
  NodeIndex a = 0;
  NodeIndex b = 0;
  NodeIndex c = 0;
  NodeIndex d = 0;

  Cluster& cluster() { return *cluster_; }
  SimNode& node(NodeIndex index) { return cluster_->node(index); }
  SimCoordinator& coordinator() { return cluster_->coordinator(); }
  HostId host(NodeIndex index) { return cluster_->node(index).host_id(); }
  HostId coordinator_host() { return coordinator().host_id(); }
  // Where ask() and the like come from.
  HostId client_host() { return cluster_->client(0).host_id(); }
  const ring::PartitionEntry& entry() { return cluster_->entry(kPartition); }
  bool is_primary(NodeIndex index) { return entry().primary == node(index).id(); }
  bool in_sync(NodeIndex index) { return entry().find_in_sync(node(index).id()) != nullptr; }
  Position held(NodeIndex index) { return cluster_->truth().held(index, kPartition).position; }

  // --- Steps ---

  void run_for(Duration duration) { cluster_->scheduler().run_for(duration); }
  // Waits for `condition`; `what` says in the report what did not come about.
  bool await(const std::string& what, const std::function<bool()>& condition,
             Duration limit = std::chrono::seconds(15));
  void expect(bool condition, const std::string& what);
  // Both directions between two hosts.
  void cut(HostId one, HostId other) { cluster_->network().cut_both(one, other); }
  void mend(HostId one, HostId other);
  // From all hosts, or all but one.
  void isolate(HostId host, std::optional<HostId> except = {});
  void mend_all() { cluster_->network().heal_all(); }

  // Messages of kind M from one host to another (none: any) do not arrive until they are released.
  template <class M>
  void hold(std::optional<HostId> from, std::optional<HostId> to) {
    hold_if([from, to](const Envelope& envelope) {
      return std::holds_alternative<M>(envelope.message) && (!from || *from == envelope.from) &&
             (!to || *to == envelope.to);
    });
  }
  void hold_if(std::function<bool(const Envelope&)> which) { holds_.push_back(std::move(which)); }
  // Writes do not reach `index` from now on, heartbeats do.
  void hold_writes_to(NodeIndex index);
  // Nothing more is held; what was held stays away.
  void hold_nothing() { holds_.clear(); }
  std::size_t held_messages() const { return held_.size(); }
  const std::deque<Envelope>& held_envelopes() const { return held_; }
  // Arrives now, in order; then it is as if it had never been held.
  void release_all();
  void release_if(const std::function<bool(const Envelope&)>& which);
  void drop_held() { held_.clear(); }

  AskedPtr ask(NodeIndex node, messages::RequestBody body, Duration budget = std::chrono::seconds(30));
  AskedPtr write(NodeIndex node, const std::string& key, const std::string& value,
                 messages::AckCount ack = messages::kAckOne);
  AskedPtr read(NodeIndex node, const std::string& key, messages::ReadLevel level = messages::ReadLevel::primary,
                Position seen = {});
  // Writes and waits for the acknowledgement.
  Position written(NodeIndex node, const std::string& key, const std::string& value,
                   messages::AckCount ack = messages::kAckOne);

  // Asks the coordinator to make it primary, in good order.
  AskedPtr promote(NodeIndex index) { return promote(index, false, {}); }
  // As `gyre promote --unclean --stopped STOPPED NODE`.
  AskedPtr promote_unclean(NodeIndex index, const std::vector<NodeIndex>& stopped) {
    return promote(index, true, stopped);
  }
  // The fourth node joins (see one_more).
  void add_d();
  // Asks the coordinator to change what is given of a node, and waits until it has.
  void set_node(NodeIndex index, messages::NodeSetRequest::Action action);
  // A seal as from the coordinator reaches one member alone.
  void seal(NodeIndex index, Term term);
  // Takes it out of the in-sync set, and leaves it cut off from the other nodes.
  void push_out(NodeIndex index);
  bool is_member(NodeIndex index) { return entry().has_member(node(index).id()); }
  bool serves(NodeIndex index) { return node(index).serves(kPartition); }
  bool holds(NodeIndex index, Position position) { return cluster_->truth().holds(index, kPartition, position); }

  // Heals everything, demands that it works again, and checks everything. None: fine.
  std::optional<Notice> finish();

 private:
  AskedPtr promote(NodeIndex index, bool unclean, const std::vector<NodeIndex>& stopped);

  std::unique_ptr<Cluster> cluster_;
  std::vector<std::function<bool(const Envelope&)>> holds_;
  std::deque<Envelope> held_;
  RequestId last_request_;
  std::uint64_t last_write_ = 0;
};

// One course of events that random seeds rarely reach.
struct Scenario {
  const char* name;
  void (*steps)(Script&);
  void (*prepare)(ClusterOptions&) = nullptr;  // where it needs another cluster
};
const std::vector<Scenario>& scenarios();

// Plays it with a rule broken (none: everything must go well). None: nothing was noticed.
std::optional<Notice> play(const Scenario& scenario, BrokenRule broken, bool verbose = false);

}  // namespace gyre::simulation
