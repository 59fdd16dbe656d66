#include "tests/simulation/sim_node.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/hash.h"

namespace gyre::simulation {

// What dies with the process.
struct SimNode::Process : runtime::Environment {
  Process(SimNode& owner, control::Agent a)
      : node(owner), engine(owner.disk_, owner.faults_.storage), metrics(registry), agent(std::move(a)) {}

  replication::Moment now() override {
    return {node.scheduler_.now(), {to_ms(node.scheduler_.now().time_since_epoch()) + 1'700'000'000'000}};
  }
  Result<void> run_blocking(runtime::Job work, runtime::Job done) override {
    // The jobs of a process die with it, and so does this environment: only the node outlives them.
    SimNode* owner = &node;
    const std::uint64_t life = node.life_;
    const Duration takes = node.scheduler_.between(std::chrono::microseconds(10), std::chrono::milliseconds(3));
    node.scheduler_.after(takes, [owner, life, work = std::move(work), done = std::move(done)]() mutable {
      if (owner->life_ != life) return;
      work();
      owner->scheduler_.after(std::chrono::microseconds(1), [owner, life, done = std::move(done)]() mutable {
        if (owner->life_ != life) return;
        done();
        owner->schedule_turn();
      });
    });
    return {};
  }
  void trace(PartitionId partition, const replication::RoleChanged& change) override {
    node.scheduler_.trace(node.id_.str(), fmt::format("partition {} term {} {}", partition.value(), change.term.value(),
                                                      change.serving ? "serves" : "stops: " + change.why));
  }

  SimNode& node;
  storage::FaultyEngine engine;
  MetricsRegistry registry;
  runtime::HostMetrics metrics;
  std::unique_ptr<runtime::PartitionHost> host;
  control::Agent agent;
  Network::Link link = 0;
  bool linked = false;
  RequestId last_request;
  bool turn_scheduled = false;
};

namespace {

class ReplyTo : public runtime::Responder {
 public:
  explicit ReplyTo(std::function<void(messages::Response)> reply) : reply_(std::move(reply)) {}
  void respond(messages::Response response) override { std::exchange(reply_, nullptr)(std::move(response)); }

 private:
  std::function<void(messages::Response)> reply_;
};

}  // namespace

SimNode::SimNode(Scheduler& scheduler, Network& network, NodeId id, std::string coordinator, NodeFaults faults)
    : scheduler_(scheduler),
      network_(network),
      id_(std::move(id)),
      coordinator_(std::move(coordinator)),
      faults_(faults) {}

SimNode::~SimNode() = default;

void SimNode::start() {
  GYRE_ASSERT(!up());
  ++life_;
  ring::NodeInfo self;
  self.id = id_;
  self.data_id = Uuid::from_words(hash64(id_.str()), 1);
  self.incarnation = Incarnation(++incarnation_);
  self.addresses.native = fmt::format("{}:1", id_.str());
  self.addresses.http = fmt::format("{}:2", id_.str());
  process_ = std::make_unique<Process>(*this, control::Agent(self, cluster_, Epoch(0), 1, scheduler_.now()));
  const runtime::HostOptions options{.self = id_,
                                     .incarnation = self.incarnation,
                                     .durability = faults_.durability,
                                     .shard = 0,
                                     .shards = 1,
                                     .broken = faults_.broken};
  auto host = runtime::PartitionHost::open(options, process_->engine, *process_, process_->metrics);
  GYRE_ASSERT(host);
  process_->host = *std::move(host);
  network_.listen(self.addresses.native,
                  {[this](messages::Request request, auto reply) { deliver(std::move(request), std::move(reply)); }});
  scheduler_.trace(id_.str(), fmt::format("starts, incarnation {}", incarnation_));
  every_second();
  drive_agent();
}

void SimNode::crash(bool machine) {
  if (!up()) return;
  ++life_;
  network_.close(fmt::format("{}:1", id_.str()));
  network_.close(id_.str());
  process_.reset();
  const std::size_t unsynced = disk_.unsynced();
  const std::size_t kept = machine ? scheduler_.rng().below(unsynced + 1) : unsynced;
  disk_.crash(kept);
  scheduler_.trace(id_.str(), fmt::format("crashes, {} of {} unsynced commits kept", kept, unsynced));
}

bool SimNode::settled() const {
  if (!up() || process_->host->map() == nullptr) return false;
  const auto mine = std::ranges::count_if(process_->host->map()->entries,
                                          [&](const ring::PartitionEntry& entry) { return entry.primary == id_; });
  return process_->host->partitions_served() == static_cast<std::size_t>(mine);
}

void SimNode::set_storage_faults(const storage::FaultPlan& plan) {
  faults_.storage = plan;
  if (up()) process_->engine.set_plan(plan);
}

void SimNode::check_invariants() const {
  if (!up()) return;
  process_->host->check_invariants();
  process_->agent.check_invariants();
}

void SimNode::deliver(messages::Request request, std::function<void(messages::Response)> reply) {
  if (const auto* asked = std::get_if<messages::MapRequest>(&request.body)) {
    const auto& map = process_->host->map();
    const bool newer = map && map->epoch > asked->known;
    return reply({request.id, map ? map->epoch : Epoch(0), messages::MapResponse{newer ? map : nullptr}});
  }
  process_->host->on_request(std::make_shared<ReplyTo>(std::move(reply)), std::move(request));
  schedule_turn();
}

// A turn ends a little after its first event, so that groups form.
void SimNode::schedule_turn() {
  if (process_->turn_scheduled) return;
  process_->turn_scheduled = true;
  const Duration length = scheduler_.between(Duration(0), std::chrono::microseconds(200));
  scheduler_.after(length, [this, life = life_] {
    if (life_ != life) return;
    process_->turn_scheduled = false;
    process_->host->end_turn();
    process_->host->check_invariants();
  });
}

void SimNode::every_second() {
  scheduler_.after(std::chrono::seconds(1), [this, life = life_] {
    if (life_ != life) return;
    process_->host->on_second();
    schedule_turn();
    // Storage that failed is not used again by this process: a supervisor restarts it.
    if (process_->engine.broken()) {
      crash(false);
      return start();
    }
    every_second();
  });
}

// --- Membership ---

void SimNode::drive_agent() {
  control::Agent& agent = process_->agent;
  agent.on_deadline(scheduler_.now());
  for (auto& effect : agent.take_effects()) {
    if (auto* ask = std::get_if<control::AskCoordinator>(&effect)) {
      ask_coordinator(std::move(*ask));
    } else if (auto* adopt = std::get_if<control::AdoptMap>(&effect)) {
      on_map(adopt->map);
    } else if (auto* refused = std::get_if<control::Refused>(&effect)) {
      scheduler_.trace(id_.str(), "refused: " + refused->error.message);
    }
  }
  if (agent.next_deadline() == kNever) return;
  scheduler_.at(agent.next_deadline(), [this, life = life_, when = agent.next_deadline()] {
    if (life_ == life && process_->agent.next_deadline() == when) drive_agent();
  });
}

void SimNode::ask_coordinator(control::AskCoordinator ask) {
  Process& process = *process_;
  process.last_request = process.last_request.next();
  messages::Request request{process.last_request, Duration(0), Epoch(0), std::move(ask.body)};
  if (process.linked) return network_.send(process.link, std::move(request));
  auto shared = std::make_shared<messages::Request>(std::move(request));
  const auto mine = [this, life = life_] { return life_ == life; };
  const auto answer = [this](Result<messages::ResponseBody> body) {
    process_->agent.on_answer(scheduler_.now(), std::move(body));
    drive_agent();
  };
  process.link = network_.connect(id_.str(), coordinator_,
                                  {.connected =
                                       [this, mine, shared] {
                                         if (!mine()) return;
                                         process_->linked = true;
                                         network_.send(process_->link, *shared);
                                       },
                                   .failed =
                                       [this, mine, answer](Error why) {
                                         if (!mine()) return;
                                         process_->linked = false;
                                         answer(fail(std::move(why)));
                                       },
                                   .response =
                                       [this, mine, answer](messages::Response response) {
                                         if (mine() && response.id == process_->last_request)
                                           answer(std::move(response.body));
                                       }});
}

void SimNode::on_map(const ring::ClusterMapPtr& map) {
  cluster_ = map->cluster;
  process_->host->on_map(map);
  schedule_turn();
}

}  // namespace gyre::simulation
