#include "tests/simulation/sim_client.h"

#include <utility>

#include <fmt/format.h>

#include "base/hash.h"

namespace gyre::simulation {

namespace {

constexpr std::size_t kRegisters = 60;
constexpr std::size_t kCounters = 6;
constexpr std::size_t kOperationsPerRegister = 48;  // the search behind linearizable() takes 64 at most
constexpr auto kDeadline = std::chrono::milliseconds(700);

routing::DispatcherOptions dispatcher_options(const std::string& name, std::vector<std::string> seeds) {
  routing::DispatcherOptions options;
  options.seeds = std::move(seeds);
  options.random_seed = hash64(name);
  return options;
}

messages::WriteRequest one_write(messages::WriteOperation operation) {
  messages::WriteRequest write;
  write.operations.push_back(std::move(operation));
  return write;
}

}  // namespace

SimClient::SimClient(Scheduler& scheduler, Network& network, std::string name, std::vector<std::string> seeds,
                     Histories& histories)
    : scheduler_(scheduler),
      network_(network),
      name_(std::move(name)),
      histories_(histories),
      dispatcher_(dispatcher_options(name_, std::move(seeds))) {}

// --- Workload ---

void SimClient::work_until(Instant end) {
  end_ = end;
  next_call();
}

void SimClient::next_call() {
  scheduler_.after(scheduler_.between(Duration(0), std::chrono::milliseconds(8)), [this] {
    if (scheduler_.now() >= end_) return;
    const auto dice = scheduler_.rng().below(10);
    if (dice < 4) {
      read(pick("register", kRegisters));
    } else if (dice < 8) {
      write(pick("register", kRegisters), dice == 4);
    } else {
      increment(pick("counter", kCounters));
    }
  });
}

std::string SimClient::pick(const std::string& kind, std::size_t keys) {
  return fmt::format("{}-{}", kind, scheduler_.rng().below(keys));
}

void SimClient::read(const std::string& key) {
  auto& history = histories_.registers[key];
  if (history.size() >= kOperationsPerRegister) return next_call();
  Operation operation{Operation::Kind::read, 0, scheduler_.now(), kNever};
  call(messages::GetRequest{Bytes::copy_of(key), true}, kDeadline, [this, key, operation](auto result) mutable {
    const bool absent = !result && result.error().code == ErrorCode::not_found;
    if (result || absent) {
      if (result) operation.value = std::stoull(std::get<messages::GetResponse>(*result).record.value.str());
      operation.answered = scheduler_.now();
      histories_.registers[key].push_back(operation);
      ++histories_.answered;
    }
    next_call();
  });
}

void SimClient::write(const std::string& key, bool remove) {
  auto& history = histories_.registers[key];
  if (history.size() >= kOperationsPerRegister) return next_call();
  messages::WriteOperation op;
  op.key = Bytes::copy_of(key);
  Operation operation{Operation::Kind::remove, 0, scheduler_.now(), kNever};
  if (remove) {
    op.kind = messages::WriteKind::del;
  } else {
    operation.kind = Operation::Kind::write;
    operation.value = ++histories_.next_value;
    op.value = Bytes::copy_of(std::to_string(operation.value));
  }
  call(one_write(std::move(op)), kDeadline, [this, key, operation](auto result) mutable {
    if (result) {
      operation.answered = scheduler_.now();
      ++histories_.answered;
    } else if (result.error().outcome == Outcome::unknown) {
      ++histories_.unknown;
    } else {
      ++histories_.refused;
    }
    // What was surely not applied must leave no trace: it is not in the history.
    if (result || result.error().outcome == Outcome::unknown) histories_.registers[key].push_back(operation);
    next_call();
  });
}

void SimClient::increment(const std::string& key) {
  messages::WriteOperation op;
  op.kind = messages::WriteKind::incr;
  op.key = Bytes::copy_of(key);
  op.delta = 1;
  call(one_write(std::move(op)), kDeadline, [this, key](auto result) {
    auto& history = histories_.counters[key];
    if (result) {
      history.returned.push_back(std::get<messages::WriteResponse>(*result).outcomes.front().number);
      ++histories_.answered;
    } else if (result.error().outcome == Outcome::unknown) {
      ++history.unknown;
      ++histories_.unknown;
    } else {
      ++histories_.refused;
    }
    next_call();
  });
}

// --- Routing ---

void SimClient::call(messages::RequestBody body, Duration deadline, Done done) {
  const routing::CallId id(++last_call_);
  open_.emplace(id, std::move(done));
  dispatcher_.on_call(scheduler_.now(), id, {std::move(body), scheduler_.now() + deadline});
  drive();
}

void SimClient::drive() {
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
  scheduler_.at(next, [this, next] {
    if (armed_ != next) return;
    armed_ = kNever;
    dispatcher_.on_deadline(scheduler_.now());
    drive();
  });
}

void SimClient::carry_out(routing::Connect connect) {
  const routing::LinkId id = connect.link;
  auto up = std::make_shared<bool>(false);
  links_[id] = network_.connect(name_, connect.address,
                                {.connected =
                                     [this, id, up] {
                                       *up = true;
                                       dispatcher_.on_connected(scheduler_.now(), id);
                                       drive();
                                     },
                                 .failed =
                                     [this, id, up](const Error& why) {
                                       links_.erase(id);
                                       if (*up) {
                                         dispatcher_.on_connection_lost(scheduler_.now(), id, why);
                                       } else {
                                         dispatcher_.on_connect_failed(scheduler_.now(), id, why);
                                       }
                                       drive();
                                     },
                                 .response =
                                     [this, id](messages::Response response) {
                                       dispatcher_.on_response(scheduler_.now(), id, std::move(response));
                                       drive();
                                     }});
}

void SimClient::carry_out(const routing::Disconnect& disconnect) {
  const auto link = links_.extract(disconnect.link);
  if (!link.empty()) network_.forget(link.mapped());
}

void SimClient::carry_out(routing::Send send) { network_.send(links_.at(send.link), std::move(send.request)); }

void SimClient::carry_out(routing::Complete complete) {
  auto call = open_.extract(complete.call);
  scheduler_.trace(name_, fmt::format("call {} {}", complete.call.value(),
                                      complete.result ? "ok" : complete.result.error().to_string()));
  call.mapped()(std::move(complete.result));
}

}  // namespace gyre::simulation
