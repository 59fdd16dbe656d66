#include "tests/simulation/sim_node.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "tests/simulation/describe.h"

namespace gyre::simulation {

namespace {

using namespace std::chrono_literals;

// As node/peer_links.cc.
constexpr Duration kPeerRetry = 50ms;
constexpr Duration kLeaveLimit = 10s;

class ReplyTo : public runtime::Responder {
 public:
  explicit ReplyTo(std::function<void(messages::Response)> reply) : reply_(std::move(reply)) {}
  void respond(messages::Response response) override { std::exchange(reply_, nullptr)(std::move(response)); }

 private:
  std::function<void(messages::Response)> reply_;
};

}  // namespace

// What dies with the process.
struct SimNode::Process : runtime::Environment {
  Process(SimNode& owner, Clock c)
      : node(owner), clock(c), engine(owner.disk_.engine(), owner.options_.storage), metrics(registry) {}

  replication::Moment now() override {
    return {clock.steady(node.scheduler_.now() + stall), clock.wall(node.scheduler_.now() + stall)};
  }
  Found found() const override { return {clock.steady(node.scheduler_.now() + stall), Duration(0)}; }

  Result<void> run_blocking(runtime::Job work, runtime::Job done) override {
    const Duration takes = node.scheduler_.rng().chance(slow_disk) ? node.scheduler_.between(0ms, 500ms)
                                                                   : node.scheduler_.between(10us, 3ms);
    node.scheduler_.after(takes,
                          [owner = &node, life = node.life_, work = std::move(work), done = std::move(done)]() mutable {
                            owner->enter(life, [owner, life, work = std::move(work), done = std::move(done)]() mutable {
                              work();
                              owner->scheduler_.after(1us, [owner, life, done = std::move(done)]() mutable {
                                owner->enter(life, [owner, done = std::move(done)]() mutable {
                                  done();
                                  owner->schedule_turn();
                                });
                              });
                            });
                          });
    return {};
  }

  void send(const NodeId& to, messages::Message message) override { outbox.emplace_back(to, std::move(message)); }
  std::size_t backlog(const NodeId&) const override { return 0; }
  void tell_coordinator(messages::Message message) override {
    if (agent->joined()) outbox.emplace_back(std::nullopt, std::move(message));
  }
  void trace(PartitionId partition, const replication::RoleChanged& change) override {
    if (!change.serving) node.stopped_at_[partition] = node.scheduler_.now() + stall;
    node.scheduler_.trace(node.id_.str(), fmt::format("partition {} term {} {}", partition.value(), change.term.value(),
                                                      change.serving ? "serves" : "stops: " + change.why));
  }

  messages::Sender sender() const { return {node.disk_.cluster(), node.id_, node.disk_.incarnation()}; }
  // The turn in which something was committed may take long.
  void maybe_stall() {
    if (stall_chance > 0 && node.scheduler_.rng().chance(stall_chance))
      stall += node.scheduler_.between(0ms, stall_max);
  }

  SimNode& node;
  Clock clock;
  storage::FaultyEngine engine;
  MetricsRegistry registry;
  runtime::HostMetrics metrics;
  std::optional<control::Agent> agent;
  std::unique_ptr<runtime::PartitionHost> host;
  std::vector<std::pair<std::optional<NodeId>, messages::Message>> outbox;  // to the coordinator where none is named
  // While the process is held: what reached it, and what it has not said yet.
  std::deque<Event> waiting;
  std::vector<Event> unsaid;
  Duration stall{0};  // how much later it is than when the present event began
  double stall_chance = 0;
  Duration stall_max{0};
  double slow_disk = 0;
  bool turn_scheduled = false;
  // The link to the coordinator.
  Network::Link link = 0;
  bool linked = false;
  std::uint64_t attempts = 0;  // to connect: what is heard of an earlier one says nothing
  RequestId last_request;
  ring::ClusterMapPtr next_map;
  ring::ClusterMapPtr map_before_turn;
  bool storing_map = false;
  bool leaving = false;
  WorldTime leave_by = kEndOfTime;
};

SimNode::SimNode(Scheduler& scheduler, Network& network, Truth& truth, NodeObserver& observer, NodeIndex index,
                 HostId coordinator, NodeOptions options)
    : scheduler_(scheduler),
      network_(network),
      observer_(observer),
      index_(index),
      id_(fmt::format("n{}", index + 1)),
      host_(network.add_host(id_.str())),
      coordinator_(coordinator),
      options_(std::move(options)),
      disk_(truth, index, scheduler.rng().next()) {
  disk_.store().set_log_kept(options_.log_kept);
}

SimNode::~SimNode() = default;

// --- Life ---

void SimNode::start() {
  GYRE_ASSERT(!up());
  ++life_;
  paused_ = false;
  removed_ = false;
  disk_.open(options_.durability == runtime::Durability::always);
  const Instant shows{scheduler_.between(10s, 100'000s)};
  process_ =
      std::make_unique<Process>(*this, Clock(scheduler_.now(), shows, options_.clock_rate, options_.wall_offset));
  process_->engine.set_disk_full(disk_full_);
  set_stalls(options_.stall, options_.stall_max);
  ring::NodeInfo self;
  self.id = id_;
  self.data_id = disk_.data_id();
  self.incarnation = disk_.incarnation();
  self.generation = disk_.generation();
  self.addresses = {Network::address_of(id_.str()), id_.str() + ":2", {}};
  process_->agent.emplace(self, disk_.cluster(), disk_.map_epoch(), 1, process_->now().steady);
  const runtime::HostOptions options{.self = id_,
                                     .incarnation = self.incarnation,
                                     .generation = self.generation,
                                     .loses_nothing = !disk_.may_lack_writes(),
                                     .started = process_->now().steady,
                                     .durability = options_.durability,
                                     .record_cache_bytes = options_.record_cache_bytes,
                                     .snapshot_chunk_bytes = options_.snapshot_chunk_bytes,
                                     .snapshot_committed_bytes_max = options_.snapshot_committed_bytes_max,
                                     .shard = 0,
                                     .shards = 1,
                                     .broken = options_.broken};
  auto host = runtime::PartitionHost::open(options, process_->engine, disk_.ledger(), *process_, process_->metrics);
  GYRE_ASSERT(host);
  process_->host = *std::move(host);
  const auto into = [this, life = life_](Event event) { enter(life, std::move(event)); };
  network_.listen(
      host_, {[this, into](messages::Request request, auto reply) {
                into([this, request = std::move(request), reply = std::move(reply)]() mutable {
                  on_request(std::move(request), std::move(reply));
                });
              },
              [this, into](const messages::Sender& from, messages::Message message) {
                into([this, from, message = std::move(message)]() mutable { on_message(from, std::move(message)); });
              }});
  scheduler_.trace(id_.str(), fmt::format("starts, incarnation {}, generation {}", self.incarnation.value(),
                                          self.generation.value()));
  every(kTick, [this] { process_->host->on_tick(), schedule_turn(); });
  every(1s, [this] { on_second(); });
  every(kPeerRetry, [this] { probe_peers(); });
  enter(life_, [this] { drive_agent(); });
}

void SimNode::crash(Death death, bool unsynced_lost) {
  if (!up()) return;
  ++life_;
  paused_ = false;
  network_.close(host_, death != Death::process);
  read_ahead_ += process_->stall;
  process_.reset();
  const std::size_t unsynced = disk_.store().unsynced();
  std::size_t kept = unsynced;
  if (death != Death::process) kept = unsynced_lost ? 0 : scheduler_.rng().below(unsynced + 1);
  const bool ledger_too = death == Death::disk && scheduler_.rng().chance(0.5);
  disk_.die(death, kept, ledger_too);
  static constexpr const char* kWhat[] = {"process dies", "machine dies", "machine dies with its disk"};
  scheduler_.trace(id_.str(), fmt::format("{}{}, {} of {} unsynced commits kept", kWhat[static_cast<int>(death)],
                                          ledger_too ? " and its ledger" : "", kept, unsynced));
  observer_.on_died(index_, death);
}

void SimNode::stop() {
  if (!up() || process_->leaving) return;
  scheduler_.trace(id_.str(), "is told to stop");
  process_->leaving = true;
  process_->leave_by = scheduler_.now() + kLeaveLimit;
  enter(life_, [this] {
    process_->host->begin_stop();
    schedule_turn();
    every(kTick, [this] { leave(); });
  });
}

// As node/node.cc: until nobody needs this node any more, or for so long.
void SimNode::leave() {
  Process& process = *process_;
  if (!process.host->settled_away() && scheduler_.now() < process.leave_by) {
    process.tell_coordinator(messages::Leaving{});
    return schedule_turn();
  }
  end_in_good_order();
}

void SimNode::end_in_good_order() {
  scheduler_.trace(id_.str(), "stops in good order");
  // Not from within the process.
  scheduler_.after(0ms, [this, life = life_] {
    if (life_ != life) return;
    ++life_;
    network_.close(host_, false);
    process_.reset();
    disk_.close_cleanly();
    observer_.on_died(index_, Death::process);
  });
}

// A stall is a pause already, and what the process does when it ends was computed when it began.
void SimNode::pause() {
  if (!up() || paused_ || stalled()) return;
  paused_ = true;
  scheduler_.trace(id_.str(), "is paused");
}

void SimNode::resume() {
  if (!up() || !paused_) return;
  paused_ = false;
  scheduler_.trace(id_.str(), "is resumed");
  if (!stalled()) go_on();
}

bool SimNode::stopping() const { return up() && process_->leaving; }

bool SimNode::stalled() const { return up() && process_->stall > Duration(0); }

void SimNode::enter(std::uint64_t life, Event event) {
  if (life_ != life) return;
  if (paused_ || stalled() || !process_->waiting.empty()) return process_->waiting.push_back(std::move(event));
  run(std::move(event));
}

void SimNode::run(Event event) {
  const std::uint64_t life = life_;
  event();
  if (life_ != life || !stalled()) return;
  scheduler_.trace_detail(id_.str(), "stalls");
  scheduler_.after(process_->stall, [this, life] {
    if (life_ != life) return;
    process_->stall = Duration(0);
    if (!paused_) go_on();
  });
}

// First it says what it had begun to say.
void SimNode::go_on() {
  const std::uint64_t life = life_;
  for (Event& output : std::exchange(process_->unsaid, {})) output();
  while (life_ == life && !paused_ && !stalled() && !process_->waiting.empty()) {
    Event next = std::move(process_->waiting.front());
    process_->waiting.pop_front();
    run(std::move(next));
  }
}

// What the process says leaves now, or when the stall that came before it is over.
void SimNode::say(Event output) {
  if (stalled()) return process_->unsaid.push_back(std::move(output));
  output();
}

void SimNode::every(Duration interval, std::function<void()> what) {
  const Instant next = process_->now().steady + interval;
  scheduler_.at(process_->clock.when(next), [this, life = life_, interval, what = std::move(what)]() mutable {
    enter(life, [this, interval, what = std::move(what)]() mutable {
      what();
      every(interval, std::move(what));
    });
  });
}

// A turn ends a little after its first event, so that groups form.
void SimNode::schedule_turn() {
  if (process_->turn_scheduled) return;
  process_->turn_scheduled = true;
  scheduler_.after(scheduler_.between(0us, 200us), [this, life = life_] { enter(life, [this] { turn(); }); });
}

void SimNode::turn() {
  process_->turn_scheduled = false;
  process_->maybe_stall();
  process_->host->end_turn();
  process_->host->check_invariants();
  const messages::Sender sender = process_->sender();
  for (auto& [to, message] : std::exchange(process_->outbox, {})) {
    if (scheduler_.verbose()) {
      scheduler_.trace_detail(id_.str(), fmt::format("-> {}: {}", to ? to->str() : "c1", describe(message)));
    }
    if (to) observer_.on_sent(index_, message);
    HostId host = coordinator_;
    if (to) host = *network_.find_host(to->str());
    say([this, envelope = Envelope{host_, host, sender, std::move(message)}]() mutable {
      network_.post(std::move(envelope));
    });
  }
  process_->map_before_turn = process_->host->map();
}

void SimNode::on_second() {
  process_->host->on_second();
  schedule_turn();
  if (process_->host->map() && process_->host->settled()) disk_.note_caught_up();
  if (!process_->host->storage_failed() && !process_->engine.broken()) return;
  // Storage that failed is not used again by this process: a supervisor restarts it.
  scheduler_.after(0ms, [this, life = life_] {
    if (life_ != life) return;
    crash(Death::process);
    start();
  });
}

// --- What reaches it ---

void SimNode::on_request(messages::Request request, std::function<void(messages::Response)> reply) {
  if (const auto* asked = std::get_if<messages::MapRequest>(&request.body)) {
    const auto& map = process_->host->map();
    const bool newer = map && map->epoch > asked->known;
    return reply({request.id, map ? map->epoch : Epoch(0), messages::MapResponse{newer ? map : nullptr}});
  }
  auto checked = [this, life = life_, arrived = observer_.on_request(index_, request.body), body = request.body,
                  reply = std::move(reply)](messages::Response response) mutable {
    arrived.answered_at = scheduler_.now() + (up() ? process_->stall : Duration(0));
    say([this, life, arrived, body = std::move(body), reply = std::move(reply),
         response = std::move(response)]() mutable {
      if (life_ != life) return;
      if (scheduler_.verbose()) {
        scheduler_.trace_detail(id_.str(), fmt::format("answers {}: {}", describe(body), describe(response.body)));
      }
      observer_.on_answer(index_, body, arrived, response.body);
      reply(std::move(response));
    });
  };
  process_->host->on_request(std::make_shared<ReplyTo>(std::move(checked)), std::move(request));
  schedule_turn();
}

// As node/session.cc and node/coordinator_link.cc.
void SimNode::on_message(const messages::Sender& from, messages::Message message) {
  if (from.node.empty()) {
    if (from.cluster != process_->agent->cluster()) return;
    if (auto* push = std::get_if<messages::MapPush>(&message)) {
      process_->agent->on_map(process_->now().steady, push->update);
      return drive_agent();
    }
  }
  const auto& map = process_->host->map();
  if (map == nullptr || from.cluster != map->cluster) return;
  process_->host->on_message(from, std::move(message));
  schedule_turn();
}

// Whose port refuses a connection is gone. What is proved gone is the process known before the attempt.
void SimNode::probe_peers() {
  const auto& map = process_->host->map();
  if (map == nullptr || !options_.trust_refused) return;
  for (const ring::NodeInfo& node : map->nodes) {
    if (node.id == id_) continue;
    if (network_.port(host_, *network_.find_host(node.id.str())) != Network::Port::refuses) continue;
    scheduler_.after(network_.delay(), [this, life = life_, peer = node.id, incarnation = node.incarnation,
                                        tried_at = process_->now().steady] {
      enter(life, [this, peer, incarnation, tried_at] {
        process_->host->on_peer_refused(peer, incarnation, tried_at);
        schedule_turn();
      });
    });
  }
}

// --- Membership ---

void SimNode::drive_agent() {
  control::Agent& agent = *process_->agent;
  agent.on_deadline(process_->now().steady);
  for (auto& effect : agent.take_effects()) {
    if (auto* ask = std::get_if<control::AskCoordinator>(&effect)) {
      ask_coordinator(std::move(*ask));
    } else if (auto* adopt = std::get_if<control::AdoptMap>(&effect)) {
      store_map(std::move(adopt->map));
    } else if (auto* refused = std::get_if<control::Refused>(&effect)) {
      scheduler_.trace(id_.str(), "refused: " + refused->error.message);
      removed_ = refused->error.code == ErrorCode::denied;
      if (removed_) end_in_good_order();
    }
  }
  if (agent.next_deadline() == kNever) return;
  scheduler_.at(process_->clock.when(agent.next_deadline()), [this, life = life_, when = agent.next_deadline()] {
    enter(life, [this, when] {
      if (process_->agent->next_deadline() == when) drive_agent();
    });
  });
}

void SimNode::ask_coordinator(control::AskCoordinator ask) {
  Process& process = *process_;
  process.last_request = process.last_request.next();
  messages::Request request{process.last_request, Duration(0), Epoch(0), std::move(ask.body)};
  if (process.linked) return network_.send(process.link, std::move(request));
  auto shared = std::make_shared<messages::Request>(std::move(request));
  const auto into = [this, life = life_, attempt = ++process.attempts](Event event) {
    enter(life, [this, attempt, event = std::move(event)]() mutable {
      if (process_->attempts == attempt) event();
    });
  };
  const auto answer = [this](Result<messages::ResponseBody> body) {
    process_->agent->on_answer(process_->now().steady, std::move(body));
    drive_agent();
  };
  if (process.link != 0) network_.forget(process.link);
  process.link = network_.connect(host_, Network::address_of(network_.name(coordinator_)),
                                  {.connected =
                                       [this, into, shared] {
                                         into([this, shared] {
                                           process_->linked = true;
                                           network_.send(process_->link, *shared);
                                         });
                                       },
                                   .failed =
                                       [this, into, answer](const Error& why) {
                                         into([this, answer, why] {
                                           process_->linked = false;
                                           process_->link = 0;
                                           answer(gyre::fail(why));
                                         });
                                       },
                                   .response =
                                       [this, into, answer](messages::Response response) {
                                         into([this, answer, response = std::move(response)]() mutable {
                                           if (response.id == process_->last_request) answer(std::move(response.body));
                                         });
                                       }});
}

// A map counts as known once its epoch is noted.
void SimNode::store_map(ring::ClusterMapPtr map) {
  process_->next_map = std::move(map);
  if (process_->storing_map) return;
  process_->storing_map = true;
  const auto stored =
      process_->run_blocking([this, next = process_->next_map] { disk_.adopt_map(next->cluster, next->epoch); },
                             [this, next = process_->next_map] {
                               process_->storing_map = false;
                               process_->host->on_map(next);
                               if (process_->next_map != next) store_map(process_->next_map);
                             });
  GYRE_ASSERT(stored);
}

// --- Questions ---

bool SimNode::settled(PartitionId partition) const { return process_->host->settled(partition); }

bool SimNode::serves(PartitionId partition) const {
  if (!up() || stalled()) return false;
  return process_->host->serves(partition);
}

ring::ClusterMapPtr SimNode::map() const { return up() ? process_->host->map() : nullptr; }

ring::ClusterMapPtr SimNode::map_before_turn() const { return up() ? process_->map_before_turn : nullptr; }

bool SimNode::stopped_serving_at(PartitionId partition, WorldTime when) const {
  const auto stopped = stopped_at_.find(partition);
  return stopped != stopped_at_.end() && stopped->second == when;
}

// It counts from some reading of the wall clock on, by a clock that may be faster; and in whole milliseconds.
UnixMillis SimNode::latest_time() const {
  const WorldTime now = scheduler_.now() + (up() ? process_->stall : Duration(0));
  const Clock clock(now, Instant(), options_.clock_rate, options_.wall_offset);
  const double gained = std::max(options_.clock_rate - 1, 0.0);
  const auto ahead = static_cast<double>(now.time_since_epoch().count()) * gained;
  return {clock.wall(now).value + to_ms(Duration(static_cast<std::int64_t>(ahead)) + read_ahead_) + 2};
}

void SimNode::set_storage_faults(const storage::FaultPlan& plan) {
  options_.storage = plan;
  if (up()) process_->engine.set_plan(plan);
}

void SimNode::set_disk_full(bool full) {
  disk_full_ = full;
  if (up()) process_->engine.set_disk_full(full);
}

void SimNode::set_disk_stalled(bool stalled) {
  if (up()) process_->engine.set_stalled(stalled);
}

void SimNode::set_stalls(double chance, Duration longest) {
  options_.stall = chance;
  options_.stall_max = longest;
  if (!up()) return;
  process_->stall_chance = longest > Duration(0) ? chance : 0;
  process_->stall_max = longest;
}

void SimNode::check_invariants() const {
  if (!up()) return;
  process_->host->check_invariants();
  process_->agent->check_invariants();
}

// --- All nodes ---

NodeIndex index_of(const Nodes& nodes, const NodeId& node) {
  const auto found = std::ranges::find(nodes, node, [](const auto& each) { return each->id(); });
  GYRE_ASSERT(found != nodes.end());
  return static_cast<NodeIndex>(found - nodes.begin());
}

bool has_data(const Nodes& nodes, const ring::InSyncMember& member) {
  return nodes[index_of(nodes, member.node)]->disk().generation_to_be() == member.generation;
}

std::string name_of(NodeIndex node) { return fmt::format("n{}", node + 1); }

}  // namespace gyre::simulation
