#include "tests/simulation/sim_client.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/hash.h"
#include "tests/simulation/describe.h"

namespace gyre::simulation {

namespace {

routing::DispatcherOptions dispatcher_options(const std::string& name, std::vector<std::string> seeds,
                                              std::uint64_t random) {
  routing::DispatcherOptions options;
  options.seeds = std::move(seeds);
  options.random_seed = hash64(name, random);
  options.checks_health = options.random_seed % 4 == 0;
  return options;
}

}  // namespace

SimClient::SimClient(Scheduler& scheduler, Network& network, std::string name, std::vector<std::string> seeds,
                     double clock_rate)
    : scheduler_(scheduler),
      network_(network),
      name_(std::move(name)),
      host_(network.add_host(name_)),
      clock_(scheduler.now(), Instant(std::chrono::seconds(7)), clock_rate, Duration(0)),
      dispatcher_(dispatcher_options(name_, std::move(seeds), scheduler.rng().next())) {}

void SimClient::call(messages::RequestBody body, Duration deadline, Done done) {
  const routing::CallId id(++last_call_);
  ids_sent_.clear();
  if (scheduler_.verbose()) {
    scheduler_.trace_detail(name_, fmt::format("call {}: {}", id.value(), describe(body)));
  }
  open_.emplace(id, std::move(done));
  dispatcher_.on_call(local(), id, {std::move(body), local() + deadline});
  drive();
}

void SimClient::drive() {
  if (on_map_ && dispatcher_.map() != map_told_) {
    map_told_ = dispatcher_.map();
    on_map_(*map_told_);
  }
  for (;;) {
    auto effects = dispatcher_.take_effects();
    if (effects.empty()) break;
    for (auto& effect : effects) {
      std::visit([this](auto&& e) { carry_out(std::forward<decltype(e)>(e)); }, std::move(effect));
    }
  }
  const Instant next = dispatcher_.next_deadline();
  if (next == kNever || next >= armed_) return;
  armed_ = next;
  scheduler_.at(clock_.when(next), [this, next] {
    if (armed_ != next) return;
    armed_ = kNever;
    dispatcher_.on_deadline(local());
    drive();
  });
}

void SimClient::carry_out(routing::Connect connect) {
  const routing::LinkId id = connect.link;
  auto up = std::make_shared<bool>(false);
  links_[id] = network_.connect(host_, connect.address,
                                {.connected =
                                     [this, id, up] {
                                       *up = true;
                                       dispatcher_.on_connected(local(), id);
                                       drive();
                                     },
                                 .failed =
                                     [this, id, up](const Error& why) {
                                       links_.erase(id);
                                       if (*up) {
                                         dispatcher_.on_connection_lost(local(), id, why);
                                       } else {
                                         dispatcher_.on_connect_failed(local(), id, why);
                                       }
                                       drive();
                                     },
                                 .response =
                                     [this, id](messages::Response response) {
                                       dispatcher_.on_response(local(), id, std::move(response));
                                       drive();
                                     }});
}

void SimClient::carry_out(const routing::Disconnect& disconnect) {
  const auto link = links_.extract(disconnect.link);
  if (!link.empty()) network_.forget(link.mapped());
}

void SimClient::carry_out(routing::Send send) {
  const auto* write = std::get_if<messages::WriteRequest>(&send.request.body);
  if (write != nullptr && (ids_sent_.empty() || ids_sent_.back() != write->id)) ids_sent_.push_back(write->id);
  const auto link = links_.find(send.link);
  if (link != links_.end()) network_.send(link->second, std::move(send.request));
}

void SimClient::carry_out(const routing::Lost& lost) {
  if (scheduler_.verbose()) {
    std::string text = fmt::format("is told that of partition {} these are lost:", lost.partition.value());
    for (const auto& write : lost.writes) text += " " + to_string(write.version);
    scheduler_.trace_detail(name_, text + (lost.more ? " and more" : ""));
  }
  if (on_lost_) on_lost_(lost);
}

void SimClient::carry_out(routing::Complete complete) {
  auto call = open_.extract(complete.call);
  if (scheduler_.verbose()) {
    scheduler_.trace_detail(
        name_, fmt::format("call {}: {}", complete.call.value(),
                           complete.result ? describe(*complete.result) : complete.result.error().to_string()));
  }
  scheduler_.note(complete.call.value() << 1 | (complete.result ? 1 : 0));
  call.mapped()(std::move(complete.result));
}

}  // namespace gyre::simulation
