#include "tests/simulation/cluster.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assertion_handler.h"
#include "tests/simulation/describe.h"

namespace gyre::simulation {

namespace {

using namespace std::chrono_literals;

constexpr Duration kWatchInterval = 10ms;
constexpr Duration kAwaitInterval = 5ms;

}  // namespace

Cluster::Cluster(const ClusterOptions& options)
    : options_(options),
      scheduler_(options.seed),
      network_(scheduler_),
      truth_(scheduler_, [this](std::string why) { fail({Notice::Kind::safety, "history", std::move(why)}); }),
      checks_(scheduler_, truth_, nodes_, [this](Notice notice) { fail(std::move(notice)); }) {
  scheduler_.set_verbose(options.verbose);
  Rng& rng = scheduler_.rng();
  control::CoordinatorConfig config;
  config.new_cluster = Uuid::from_words(rng.next(), rng.next());
  config.shape = options.shape;
  config.initial_nodes = options.nodes;
  config.addresses = {Network::address_of("c1")};
  config.trust_refused = options.trust_refused;
  config.balance_primaries = options.balance_primaries;
  config.broken = options.broken;
  coordinator_ = std::make_unique<SimCoordinator>(scheduler_, network_, checks_, std::move(config), draw_rate());
  std::vector<std::string> seeds{Network::address_of("c1")};
  for (NodeIndex i = 0; i < options.nodes; ++i) {
    NodeOptions node{.durability = options.durability,
                     .broken = options.broken,
                     .trust_refused = options.trust_refused,
                     .clock_rate = draw_rate(),
                     .log_kept = options.log_kept};
    const std::int64_t wrong = options.wall_offset_max.count();
    if (wrong > 0) node.wall_offset = Duration(rng.between(-wrong, wrong));
    nodes_.push_back(
        std::make_unique<SimNode>(scheduler_, network_, truth_, checks_, i, coordinator_->host_id(), node));
    seeds.push_back(Network::address_of(nodes_.back()->id().str()));
  }
  for (std::uint32_t i = 1; i <= options.clients; ++i) {
    clients_.push_back(std::make_unique<SimClient>(scheduler_, network_, fmt::format("u{}", i), seeds, draw_rate()));
  }
  watch();
}

Cluster::~Cluster() = default;

double Cluster::draw_rate() { return 1 + options_.drift * (2 * scheduler_.rng().unit() - 1); }

void Cluster::watch() {
  scheduler_.after(kWatchInterval, [this] {
    checks_.check_right_to_serve();
    watch();
  });
}

void Cluster::start_all() {
  if (!coordinator_->up()) coordinator_->start();
  for (auto& node : nodes_) {
    if (!node->up()) node->start();
  }
}

void Cluster::heal(std::optional<NodeIndex> away) {
  scheduler_.trace("sim", "heals");
  network_.heal_all();
  network_.faults() = {};
  coordinator_->store().set_swap_fault(control::MemoryStore::SwapFault::none);
  coordinator_->store().set_load_fails(false);
  if (!coordinator_->up()) coordinator_->start();
  if (coordinator_->paused()) coordinator_->resume();
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    SimNode& node = *nodes_[i];
    node.set_storage_faults({});
    node.set_disk_full(false);
    node.set_disk_stalled(false);
    node.set_stalls(0, 0s);
    node.disk().ledger().set_fails(0);
    if (i == away) continue;
    node.resume();
    // A ledger that could not be synced is used again only by another process, as it tells its operator.
    if (node.stopping() || node.disk().ledger().broken()) node.crash(Death::process);
    if (!node.up()) node.start();
  }
}

bool Cluster::await(Duration limit, const std::function<bool()>& condition) {
  const WorldTime end = scheduler_.now() + limit;
  while (!condition()) {
    if (scheduler_.now() >= end || failure_) return false;
    scheduler_.run_for(kAwaitInterval);
  }
  return true;
}

bool Cluster::quiet(std::optional<NodeIndex> away) const { return unrest(away).empty(); }

std::string Cluster::unrest(std::optional<NodeIndex> away) const {
  if (map() == nullptr) return "there is no cluster";
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (i != away && nodes_[i]->stalled()) return nodes_[i]->id().str() + " stands still";
    if (i != away && !nodes_[i]->settled()) return nodes_[i]->id().str() + " is not settled";
    if (i != away && nodes_[i]->map()->epoch != map()->epoch) return nodes_[i]->id().str() + " has an older map";
  }
  for (std::size_t i = 0; i < map()->entries.size(); ++i) {
    const ring::PartitionEntry& entry = map()->entries[i];
    const auto unrest = [&](std::string_view why) {
      return fmt::format("partition {} ({}) {}", i, describe(entry), why);
    };
    if (entry.primary.empty()) return unrest("has no primary");
    const auto is_away = [&](const NodeId& node) { return away && nodes_[*away]->id() == node; };
    if (is_away(entry.primary)) return unrest("has a primary that is away");
    if (!std::ranges::all_of(entry.learners, is_away)) return unrest("has learners");
    if (!away && (!entry.departed.empty() || !entry.deposed.empty())) return unrest("has not accounted for all");
    const PartitionId partition(static_cast<std::uint16_t>(i));
    const auto primary = std::ranges::find(nodes_, entry.primary, [](const auto& node) { return node->id(); });
    if (!(*primary)->serves(partition)) return unrest("is not served");
  }
  return {};
}

void Cluster::fail(Notice notice) {
  if (failure_) return;
  failure_ = std::move(notice);
  scheduler_.trace("sim", "FAILED: " + to_string(*failure_));
}

void throw_on_assertions() {
  set_assertion_handler([](const char* expression, const char* file, int line) {
    throw AssertionFailed{fmt::format("invariant broken: {} ({}:{})", expression, file, line)};
  });
}

}  // namespace gyre::simulation
