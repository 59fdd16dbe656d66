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
  for (NodeIndex i = 0; i < options.nodes + options.spares; ++i) {
    NodeOptions node{.durability = options.durability,
                     .broken = options.broken,
                     .trust_refused = options.trust_refused,
                     .clock_rate = draw_rate(),
                     .log_kept = options.log_kept,
                     .record_cache_bytes = options.record_cache_bytes,
                     .snapshot_chunk_bytes = options.snapshot_chunk_bytes,
                     .snapshot_committed_bytes_max = options.snapshot_committed_bytes_max};
    const std::int64_t wrong = options.wall_offset_max.count();
    if (wrong > 0) node.wall_offset = Duration(rng.between(-wrong, wrong));
    nodes_.push_back(
        std::make_unique<SimNode>(scheduler_, network_, truth_, checks_, i, coordinator_->host_id(), node));
    takes_part_.push_back(i < options.nodes);
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
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (takes_part(i) && !nodes_[i]->up()) nodes_[i]->start();
  }
}

void Cluster::take_in(NodeIndex index) {
  takes_part_[index] = true;
  if (!nodes_[index]->up()) nodes_[index]->start();
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
    if (i == away || !takes_part(i)) continue;
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
  std::string why = unrest_of_nodes(away);
  for (std::size_t i = 0; why.empty() && i < map()->entries.size(); ++i) {
    const PartitionId partition(static_cast<std::uint16_t>(i));
    why = unrest_of(partition, away);
    if (why.empty() && !away) why = misplaced(partition);
    if (!why.empty()) why = fmt::format("partition {} ({}) {}", i, describe(map()->entries[i]), why);
  }
  return why;
}

std::string Cluster::unrest_of_nodes(std::optional<NodeIndex> away) const {
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (i == away || !takes_part(i)) continue;
    const SimNode& node = *nodes_[i];
    const std::string id = node.id().str();
    if (node.stalled()) return id + " stands still";
    if (node.map() == nullptr) return id + " has no map";
    if (const std::string why = unsettled(node); !why.empty()) return why;
    const ring::ClusterMapPtr known = node.map();
    if (known == nullptr || known->epoch != map()->epoch) return id + " has an older map";
  }
  return {};
}

std::string Cluster::unsettled(const SimNode& node) const {
  for (std::size_t p = 0; p < map()->entries.size(); ++p) {
    const PartitionId partition(static_cast<std::uint16_t>(p));
    if (node.settled(partition)) continue;
    // A copy of a partition that has too few members is not given up, whoever has it.
    const ring::PartitionEntry& entry = map()->entry(partition);
    const bool keeps = !entry.has_member(node.id()) && entry.in_sync.size() < map()->shape.min_in_sync;
    if (!keeps) return fmt::format("{} is not settled with partition {}", node.id().str(), p);
  }
  return {};
}

std::string Cluster::unrest_of(PartitionId partition, std::optional<NodeIndex> away) const {
  const ring::PartitionEntry& entry = map()->entry(partition);
  if (entry.primary.empty()) return "has no primary";
  const auto is_away = [&](const NodeId& node) { return away && nodes_[*away]->id() == node; };
  if (is_away(entry.primary)) return "has a primary that is away";
  if (!std::ranges::all_of(entry.learners, is_away)) return "has learners";
  // Who is no member accounts when it may give its copy up, which takes enough others.
  const auto may_wait = [&](const ring::DeposedPrimary& deposed) {
    return !entry.has_member(deposed.node) && entry.in_sync.size() < map()->shape.min_in_sync;
  };
  const bool accounted = entry.departed.empty() && std::ranges::all_of(entry.deposed, may_wait);
  if (!away && !accounted) return "has not accounted for all";
  return nodes_[index_of(nodes_, entry.primary)]->serves(partition) ? "" : "is not served";
}

std::string Cluster::misplaced(PartitionId partition) const {
  const ring::PartitionEntry& entry = map()->entry(partition);
  const std::vector<NodeId>& wanted = coordinator_->state()->target.partitions[partition.value()];
  const std::vector<NodeId> members = entry.members();
  // Where too few nodes are left for what an `all` write needs, other members and copies stay.
  if (wanted.size() < map()->shape.min_in_sync) return {};
  if (!std::ranges::is_permutation(members, wanted)) return "should be on " + describe(wanted);
  for (NodeIndex i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->up() || entry.has_member(nodes_[i]->id())) continue;
    if (truth_.held(i, partition).position != Position{}) return "still has a copy on " + nodes_[i]->id().str();
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
