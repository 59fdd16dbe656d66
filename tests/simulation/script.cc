#include "tests/simulation/script.h"

#include <utility>

#include <fmt/format.h>

namespace gyre::simulation {

using namespace std::chrono_literals;

Script::Script(const ClusterOptions& options) : cluster_(std::make_unique<Cluster>(options)) {
  cluster_->network().set_exact(true);
  cluster_->network().set_trap([this](const Envelope& envelope) {
    for (const auto& hold : holds_) {
      if (!hold(envelope)) continue;
      held_.push_back(envelope);
      return true;
    }
    return false;
  });
  cluster_->start_all();
  if (!await("a new cluster is whole", [this] { return cluster_->quiet(); })) return;
  std::vector<NodeIndex> others;
  for (NodeIndex i = 0; i < cluster_->nodes(); ++i) {
    if (is_primary(i)) {
      a = i;
    } else {
      others.push_back(i);
    }
  }
  NodeIndex* const names[] = {&b, &c, &d};
  for (std::size_t i = 0; i < std::min<std::size_t>(others.size(), 3); ++i) *names[i] = others[i];
}

bool Script::await(const std::string& what, const std::function<bool()>& condition, Duration limit) {
  if (cluster_->await(limit, condition)) return true;
  cluster_->fail({Notice::Kind::progress, "script", "it does not come about that " + what});
  return false;
}

void Script::expect(bool condition, const std::string& what) {
  if (!condition) cluster_->fail({Notice::Kind::expected, "script", "it is not so that " + what});
}

void Script::mend(HostId one, HostId other) {
  cluster_->network().heal(one, other);
  cluster_->network().heal(other, one);
}

void Script::isolate(HostId host, std::optional<HostId> except) {
  for (HostId other = 0; other < cluster_->network().hosts(); ++other) {
    if (other != host && other != except) cut(host, other);
  }
}

void Script::hold_writes_to(NodeIndex index) {
  hold_if([this, index](const Envelope& envelope) {
    const auto* append = std::get_if<messages::Append>(&envelope.message);
    return envelope.to == host(index) && append != nullptr && !append->writes.empty();
  });
}

void Script::release_all() {
  release_if([](const Envelope&) { return true; });
}

void Script::release_if(const std::function<bool(const Envelope&)>& which) {
  std::deque<Envelope> kept;
  for (Envelope& envelope : std::exchange(held_, {})) {
    if (which(envelope)) {
      cluster_->network().release(std::move(envelope));
    } else {
      kept.push_back(std::move(envelope));
    }
  }
  held_ = std::move(kept);
}

AskedPtr Script::ask(NodeIndex index, messages::RequestBody body, Duration budget) {
  auto asked = std::make_shared<Asked>();
  last_request_ = last_request_.next();
  Network& network = cluster_->network();
  auto request =
      std::make_shared<messages::Request>(messages::Request{last_request_, budget, Epoch(0), std::move(body)});
  auto link = std::make_shared<Network::Link>();
  *link = network.connect(client_host(), Network::address_of(node(index).id().str()),
                          {.connected = [&network, link, request] { network.send(*link, *request); },
                           .failed = [asked](Error why) { asked->answer = gyre::fail(std::move(why)); },
                           .response =
                               [asked, link, &network](messages::Response response) {
                                 network.forget(*link);
                                 if (auto* error = std::get_if<Error>(&response.body)) {
                                   asked->answer = gyre::fail(std::move(*error));
                                 } else {
                                   asked->answer = std::move(response.body);
                                 }
                               }});
  return asked;
}

AskedPtr Script::write(NodeIndex index, const std::string& key, const std::string& value, messages::AckCount ack) {
  messages::WriteRequest write;
  write.operations.push_back(
      {.key = Bytes::copy_of(key), .value = Bytes::copy_of(value), .expiry = {}, .condition = {}});
  write.ack = ack;
  write.id = {ClientId(77), WriteNumber(++last_write_)};
  return ask(index, std::move(write));
}

AskedPtr Script::read(NodeIndex index, const std::string& key, messages::ReadLevel level, Position seen) {
  messages::GetRequest get;
  get.key = Bytes::copy_of(key);
  get.read = {level, 2s, seen};
  return ask(index, std::move(get));
}

Position Script::written(NodeIndex index, const std::string& key, const std::string& value, messages::AckCount ack) {
  const AskedPtr asked = write(index, key, value, ack);
  await("a write is answered", [&] { return asked->answered(); }, 5s);
  if (!asked->ok()) {
    expect(false, "a write is acknowledged: " + (asked->answered() ? asked->answer->error().to_string() : "no answer"));
    return {};
  }
  return std::get<messages::WriteResponse>(**asked->answer).standing.position;
}

std::optional<Notice> Script::finish() {
  holds_.clear();
  held_.clear();
  if (!cluster_->failure()) {
    cluster_->heal();
    if (!cluster_->await(25s, [this] { return cluster_->quiet(); })) {
      cluster_->fail({Notice::Kind::progress, "healing",
                      "after healing, the cluster does not become whole: " + cluster_->unrest()});
    }
    run_for(500ms);
  }
  if (!cluster_->failure()) {
    cluster_->checks().check_contents();
    cluster_->checks().check_answers();
    cluster_->checks().check_ledgers(true);
  }
  return cluster_->failure();
}

AskedPtr Script::promote(NodeIndex index, bool unclean, const std::vector<NodeIndex>& stopped) {
  messages::PromoteRequest request;
  request.node = node(index).id();
  request.partitions = {kPartition};
  request.unclean = unclean;
  for (const NodeIndex each : stopped) request.stopped.push_back(node(each).id());
  auto asked = std::make_shared<Asked>();
  coordinator().ask(std::move(request), [asked](messages::ResponseBody body) {
    if (auto* error = std::get_if<Error>(&body)) {
      asked->answer = gyre::fail(std::move(*error));
    } else {
      asked->answer = std::move(body);
    }
  });
  return asked;
}

void Script::add_d() {
  cluster_->take_in(d);
  await("D is a node of the cluster", [&] { return cluster_->map()->find_node(node(d).id()) != nullptr; });
}

void Script::set_node(NodeIndex index, messages::NodeSetRequest::Action action) {
  messages::NodeSetRequest request;
  request.node = node(index).id();
  request.action = action;
  auto done = std::make_shared<bool>(false);
  coordinator().ask(std::move(request), [this, done](const messages::ResponseBody& body) {
    if (const auto* refused = std::get_if<Error>(&body)) expect(false, "a node is changed: " + refused->message);
    *done = true;
  });
  await("a node is changed", [done] { return *done; });
}

void Script::seal(NodeIndex index, Term term) {
  const messages::Sender sender{cluster_->map()->cluster, NodeId(), Incarnation(1)};
  cluster_->network().release({coordinator_host(), host(index), sender, messages::Seal{{{kPartition, term}}}});
}

void Script::push_out(NodeIndex index) {
  for (NodeIndex other = 0; other < cluster_->nodes(); ++other) {
    if (other != index) cut(host(index), host(other));
  }
  await(node(index).id().str() + " leaves the in-sync set", [&] { return !in_sync(index); });
}

std::optional<Notice> play(const Scenario& scenario, BrokenRule broken, bool verbose) {
  throw_on_assertions();
  ClusterOptions options;
  options.broken = broken;
  options.verbose = verbose;
  options.balance_primaries = false;
  if (scenario.prepare != nullptr) scenario.prepare(options);
  try {
    Script script(options);
    if (!script.cluster().failure()) scenario.steps(script);
    return script.finish();
  } catch (const AssertionFailed& failed) {
    return Notice{Notice::Kind::safety, "invariant", failed.what};
  }
}

}  // namespace gyre::simulation
