// Which rules of injected network faults make up a fault between processes of a local cluster. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gyre/result.h"
#include "messages/request.h"
#include "tools/gyre/local_cluster.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

using Rules = std::vector<messages::FaultRule>;

// A rule, and the process that is to obey it.
struct PlacedRule {
  std::string process;
  messages::FaultRule rule;

  bool operator==(const PlacedRule&) const = default;
};

// Who is neither node nor coordinator, as the other side of a fault: no process of the cluster, so that it obeys
// nothing.
const LocalProcess& clients();

// How a rule names a process: nodes by their id, coordinators as "coordinator", clients() as "clients".
std::string peer_name(const LocalProcess& process);

// Nothing passes between `a` and `b`; or, one way, nothing that `a` sends reaches `b`. Both obey it, so that it holds
// as long as either lives.
std::vector<PlacedRule> cut_rules(const LocalProcess& a, const LocalProcess& b, bool one_way);
// All that a process exchanges with other processes is late by `delay`, and by up to `jitter` more; or, what it
// exchanges with clients.
PlacedRule slow_rule(const LocalProcess& process, Duration delay, Duration jitter);
PlacedRule slow_clients_rule(const LocalProcess& process, Duration delay, Duration jitter);
// A part of what passes between `a` and `b` is lost; `a` obeys.
PlacedRule drop_rule(const LocalProcess& a, const LocalProcess& b, double rate);

// Adds a rule to those that are on: what it says of its peer and direction goes before what was said, the rest stays.
void add_rule(Rules& rules, const messages::FaultRule& rule);

// "from n2: all is lost", "to and from the coordinator: 50 ms late, up to 10 ms more; 10% is lost"
std::string rule_text(const messages::FaultRule& rule);
Json rule_json(const messages::FaultRule& rule);

}  // namespace gyre::cli
