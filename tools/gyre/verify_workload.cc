#include "tools/gyre/verify_workload.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <unordered_map>

#include <fmt/core.h>

#include "base/rng.h"
#include "tools/gyre/verify_history.h"
#include "tools/gyre/verify_losses.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kCallDeadline = 4s;
constexpr std::size_t kProblemsMax = 10;
constexpr auto kFinalReadLimit = 10s;
// A client that asks for nothing learns of its losses in less, once it has the map of a cluster that is whole.
constexpr auto kTellLimit = 30s;

void add_problem(WorkReport& report, std::string problem) {
  if (report.problems.size() < kProblemsMax) report.problems.push_back(std::move(problem));
}

// Keeps a thread at its rate.
class Pace {
 public:
  explicit Pace(double rate) : gap_(std::chrono::duration_cast<VerifyClock::duration>(1s / rate)) {}
  void wait() {
    next_ = std::max(next_ + gap_, VerifyClock::now() - 50ms);
    std::this_thread::sleep_until(next_);
  }

 private:
  VerifyClock::duration gap_;
  VerifyClock::time_point next_ = VerifyClock::now();
};

struct Worker {
  std::shared_ptr<ToldLosses> told;
  std::unique_ptr<Client> client;
  Rng rng;
  Pace pace;
  std::uint64_t bursts = 0;  // taken part in
};

Result<Worker> make_worker(const WorkOptions& options, std::uint64_t number) {
  auto told = std::make_shared<ToldLosses>();
  ClientOptions client_options;
  client_options.seeds = options.seeds;
  client_options.deadline = kCallDeadline;
  client_options.on_lost = [told](const gyre::LostWrites& lost) { told->note(lost, VerifyClock::now()); };
  GYRE_TRY_SET(auto client, Client::connect(std::move(client_options)));
  return Worker{std::move(told), std::move(client), Rng(options.random_seed * 1000 + number), Pace(options.rate), 0};
}

Result<std::vector<Worker>> make_workers(const WorkOptions& options, std::uint64_t first, std::size_t count) {
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < count; ++i) {
    GYRE_TRY_SET(Worker worker, make_worker(options, first + i));
    workers.push_back(std::move(worker));
  }
  return workers;
}

template <class Loop>
void run_all(std::vector<Worker>& workers, const std::atomic<bool>& stop, Loop loop) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    threads.emplace_back([&, i] {
      while (!stop.load(std::memory_order_relaxed)) {
        workers[i].pace.wait();
        loop(workers[i], i);
      }
    });
  }
}

CallOptions final_read() {
  CallOptions options;
  options.read = Read::linearizable();
  options.deadline = kFinalReadLimit;
  return options;
}

// What lost writes said of one key, by value.
std::set<std::string> lost_values(const LedgerView& lost, const std::string& key) {
  std::set<std::string> values;
  for (const LostRecord& record : lost.records) {
    if (record.write() == nullptr || record.write()->reapplied) continue;
    for (const auto& mutation : record.write()->mutations) {
      if (std::string_view(mutation.key) == key) values.insert(std::string(mutation.record.value));
    }
  }
  return values;
}

// Writes that all have acknowledged are never told to be lost.
void check_nothing_told(WorkReport& report, const std::vector<Worker>& workers) {
  for (const Worker& worker : workers) {
    for (const auto& [write, times] : worker.told->writes()) {
      add_problem(report, fmt::format("the client was told that {} at {} is lost, though all had acknowledged it",
                                      write.first, to_string(write.second)));
    }
  }
}

// --- Registers ---

class Registers final : public Work {
 public:
  explicit Registers(std::vector<Worker> workers) : workers_(std::move(workers)), calls_(kKeys) {}

  void run(const std::atomic<bool>& stop) override {
    run_all(workers_, stop, [this](Worker& worker, std::size_t) {
      const std::size_t key = worker.rng.below(kKeys);
      worker.rng.chance(0.5) ? write(worker, key) : read(worker, key);
    });
  }

  WorkReport check(Client& client, const LedgerView& lost) override {
    report_.name = "registers: ack all, linearizable reads";
    for (std::size_t key = 0; key < kKeys; ++key) {
      const auto called = VerifyClock::now();
      const auto value = client.get(name(key), final_read());
      if (!value && value.error().code != ErrorCode::not_found) {
        add_problem(report_, fmt::format("{} cannot be read: {}", name(key), value.error().to_string()));
        continue;
      }
      calls_[key].push_back(
          {RegisterCall::Kind::read, value ? std::stoull(value->data) : 0, called, VerifyClock::now()});
      if (const auto wrong = check_register(calls_[key]); !wrong.empty()) {
        add_problem(report_, fmt::format("{} is not linearizable: {}", name(key), wrong));
      }
      check_ledger(key, lost_values(lost, name(key)));
    }
    check_nothing_told(report_, workers_);
    return report_;
  }

 private:
  static constexpr std::size_t kKeys = 24;
  static std::string name(std::size_t key) { return fmt::format("register-{}", key); }

  void write(Worker& worker, std::size_t key) {
    const std::uint64_t value = ++last_value_;
    PutOptions options;
    options.ack = Ack::all();
    const auto called = VerifyClock::now();
    const auto written = worker.client->put(name(key), std::to_string(value), options);
    const auto answered = VerifyClock::now();
    const std::lock_guard lock(mutex_);
    ++report_.calls;
    if (written) {
      ++report_.acknowledged;
      calls_[key].push_back({RegisterCall::Kind::write, value, called, answered});
    } else if (written.error().outcome == Outcome::unknown) {
      ++report_.unknown;
      calls_[key].push_back({RegisterCall::Kind::write, value, called, std::nullopt});
    } else {
      ++report_.refused;
    }
  }

  void read(Worker& worker, std::size_t key) {
    CallOptions options;
    options.read = Read::linearizable();
    const auto called = VerifyClock::now();
    const auto value = worker.client->get(name(key), options);
    const auto answered = VerifyClock::now();
    const std::lock_guard lock(mutex_);
    ++report_.calls;
    if (value || value.error().code == ErrorCode::not_found) {
      ++report_.acknowledged;
      calls_[key].push_back({RegisterCall::Kind::read, value ? std::stoull(value->data) : 0, called, answered});
    } else {
      ++report_.refused;
    }
  }

  // What was acknowledged by all is in no ledger.
  void check_ledger(std::size_t key, const std::set<std::string>& values) {
    for (const RegisterCall& call : calls_[key]) {
      if (call.kind != RegisterCall::Kind::write || !call.answered || !values.contains(std::to_string(call.value)))
        continue;
      add_problem(report_,
                  fmt::format("{}: {} was acknowledged by all, and a ledger says it is lost", name(key), call.value));
    }
  }

  std::vector<Worker> workers_;
  std::atomic<std::uint64_t> last_value_{0};
  std::mutex mutex_;
  std::vector<std::vector<RegisterCall>> calls_;  // by key; guarded by mutex_, as is
  WorkReport report_;
};

// --- Counters ---

class Counters final : public Work {
 public:
  explicit Counters(std::vector<Worker> workers) : workers_(std::move(workers)), calls_(kKeys) {}

  void run(const std::atomic<bool>& stop) override {
    run_all(workers_, stop, [this](Worker& worker, std::size_t) {
      const std::size_t key = worker.rng.below(kKeys);
      CallOptions options;
      options.ack = Ack::all();
      const auto sum = worker.client->incr(name(key), 1, options);
      const std::lock_guard lock(mutex_);
      ++report_.calls;
      if (sum) {
        ++report_.acknowledged;
        calls_[key].given.push_back(*sum);
      } else if (sum.error().outcome == Outcome::unknown) {
        ++report_.unknown;
        ++calls_[key].unknown;
      } else {
        ++report_.refused;
      }
    });
  }

  WorkReport check(Client& client, const LedgerView&) override {
    report_.name = "counters: ack all, retried, exactly once";
    for (std::size_t key = 0; key < kKeys; ++key) {
      const auto value = client.get(name(key), final_read());
      if (!value && value.error().code != ErrorCode::not_found) {
        add_problem(report_, fmt::format("{} cannot be read: {}", name(key), value.error().to_string()));
        continue;
      }
      const std::int64_t at_end = value ? std::stoll(value->data) : 0;
      if (const auto wrong = check_counter(calls_[key], at_end); !wrong.empty()) {
        add_problem(report_, fmt::format("{}: {}", name(key), wrong));
      }
    }
    check_nothing_told(report_, workers_);
    return report_;
  }

 private:
  static constexpr std::size_t kKeys = 16;
  static std::string name(std::size_t key) { return fmt::format("counter-{}", key); }

  std::vector<Worker> workers_;
  std::mutex mutex_;
  std::vector<CounterCalls> calls_;  // by key; guarded by mutex_, as is
  WorkReport report_;
};

// --- Unique writes ---

// Keys that are written once: what is acknowledged is there at the end, or in a ledger and told to its writer.
class UniqueWrites final : public Work {
 public:
  struct Setup {
    std::string prefix;
    std::string name;
    Ack ack;
    std::shared_ptr<std::atomic<std::uint64_t>> bursts;  // null: this work has none
  };

  UniqueWrites(Setup setup, std::vector<Worker> workers) : setup_(std::move(setup)), workers_(std::move(workers)) {
    report_.name = setup_.name;
  }

  void run(const std::atomic<bool>& stop) override {
    run_all(workers_, stop, [this](Worker& worker, std::size_t writer) {
      if (setup_.bursts && worker.bursts < *setup_.bursts) {
        worker.bursts = *setup_.bursts;
        return burst(worker, writer);
      }
      const std::string name = key(++last_);
      note(name, writer, worker.client->put(name, "v", put_options()));
    });
    // What a burst left open ends at its deadline.
    while (open_.load() > 0) std::this_thread::sleep_for(10ms);
  }

  WorkReport check(Client& client, const LedgerView& lost) override {
    const std::set<std::string> in_ledger = keys_in(lost);
    std::vector<std::string> keys;
    for (const auto& [key, write] : writes_) keys.push_back(key);
    constexpr std::size_t kAtOnce = 500;
    for (std::size_t first = 0; first < keys.size(); first += kAtOnce) {
      const std::span<const std::string> some(keys.data() + first, std::min(kAtOnce, keys.size() - first));
      const auto values = client.mget(some, final_read());
      for (std::size_t i = 0; i < some.size(); ++i) judge(some[i], values[i], in_ledger.contains(some[i]));
    }
    check_told();
    return report_;
  }

 private:
  enum class Fate : std::uint8_t { acknowledged, unknown, refused };
  struct Write {
    Fate fate;
    std::size_t writer;
    Version version;  // acknowledged
    VerifyClock::time_point answered;
    Version at_end;   // of the value that is there at the end
  };
  static constexpr int kBurstWrites = 150;
  static constexpr std::size_t kBurstValueBytes = 256 * 1024;

  std::string key(std::uint64_t number) const { return fmt::format("{}-{}", setup_.prefix, number); }
  PutOptions put_options() const {
    PutOptions options;
    options.ack = setup_.ack;
    return options;
  }

  void burst(Worker& worker, std::size_t writer) {
    const std::string value(kBurstValueBytes, 'b');
    for (int i = 0; i < kBurstWrites; ++i) {
      std::string name = key(++last_);
      ++open_;
      worker.client->put(name, value, put_options(), [this, name, writer](const Result<Version>& written) {
        note(name, writer, written);
        --open_;
      });
    }
  }

  void note(const std::string& name, std::size_t writer, const Result<Version>& written) {
    const std::lock_guard lock(mutex_);
    ++report_.calls;
    Fate fate = Fate::acknowledged;
    if (!written) fate = written.error().outcome == Outcome::unknown ? Fate::unknown : Fate::refused;
    report_.acknowledged += fate == Fate::acknowledged;
    report_.unknown += fate == Fate::unknown;
    report_.refused += fate == Fate::refused;
    writes_.emplace(name, Write{fate, writer, written.value_or(Version()), VerifyClock::now(), {}});
  }

  std::set<std::string> keys_in(const LedgerView& lost) const {
    std::set<std::string> keys;
    for (const LostRecord& record : lost.records) {
      if (record.write() == nullptr || record.write()->reapplied) continue;
      for (const auto& mutation : record.write()->mutations) {
        if (std::string_view(mutation.key).starts_with(setup_.prefix + "-")) keys.insert(std::string(mutation.key));
      }
    }
    return keys;
  }

  void judge(const std::string& key, const Result<Value>& value, bool in_ledger) {
    Write& write = writes_.at(key);
    if (!value && value.error().code != ErrorCode::not_found) {
      return add_problem(report_, fmt::format("{} cannot be read: {}", key, value.error().to_string()));
    }
    if (value.has_value()) {
      write.at_end = value->version;
      if (write.fate == Fate::refused) add_problem(report_, fmt::format("{} was refused, but it is there", key));
      if (in_ledger) add_problem(report_, fmt::format("{} is there, and a ledger says it is lost", key));
      return;
    }
    if (write.fate == Fate::refused && in_ledger)
      add_problem(report_, fmt::format("{} was refused, but a ledger has it", key));
    if (write.fate != Fate::acknowledged) return;
    lost_.push_back({key, write.version, workers_[write.writer].client->locate(key)->partition, write.answered});
    if (!in_ledger) add_problem(report_, fmt::format("{} was acknowledged and lost silently: no ledger has it", key));
    if (setup_.ack != Ack::one())
      add_problem(report_, fmt::format("{} was acknowledged by more than one, and lost", key));
  }

  void check_told() {
    const auto untold = await_told();
    for (const AcknowledgedWrite& write : untold) {
      add_problem(report_, fmt::format("{} at {} was acknowledged and lost, and its writer was not told", write.key,
                                       to_string(write.version)));
    }
    std::uint64_t told = 0;
    for (std::size_t writer = 0; writer < workers_.size(); ++writer) {
      for (const auto& [write, times] : workers_[writer].told->writes()) {
        ++told;
        check_is_true(writer, write.first, write.second, times);
      }
    }
    report_.facts = {{"lost", lost_.size()}, {"told", told}};
  }

  void check_is_true(std::size_t writer, const std::string& key, Version version, std::uint64_t times) {
    const auto found = writes_.find(key);
    const std::string what = fmt::format("a writer was told that {} at {} is lost", key, to_string(version));
    const bool its_own = found != writes_.end() && found->second.fate == Fate::acknowledged &&
                         found->second.writer == writer && found->second.version == version;
    if (!its_own) return add_problem(report_, what + ", which was not acknowledged to it");
    if (found->second.at_end == version) add_problem(report_, what + ", but it is there");
    if (times > 1) add_problem(report_, fmt::format("{}, {} times", what, times));
  }

  // Lost writes whose writers are not told in time. A client needs the newest map for that, which it learns from any
  // answer; it is not asked for what is lost.
  std::vector<AcknowledgedWrite> await_told() {
    std::vector<AcknowledgedWrite> untold = lost_;
    const auto end = VerifyClock::now() + kTellLimit;
    for (;;) {
      std::erase_if(untold, [this](const AcknowledgedWrite& write) {
        return workers_[writes_.at(write.key).writer].told->covers(write);
      });
      if (untold.empty() || VerifyClock::now() >= end) return untold;
      for (Worker& worker : workers_) (void)worker.client->get("any-key", final_read());
      std::this_thread::sleep_for(100ms);
    }
  }

  Setup setup_;
  std::vector<Worker> workers_;
  std::atomic<std::uint64_t> last_{0};
  std::atomic<std::size_t> open_{0};  // writes of bursts
  std::mutex mutex_;
  std::unordered_map<std::string, Write> writes_;  // by key; guarded by mutex_, as is
  WorkReport report_;
  std::vector<AcknowledgedWrite> lost_;
};

// --- Sessions ---

// Each session counts upwards in keys of its own, and reads them at level `session`: never less than it has seen.
class Sessions final : public Work {
 public:
  explicit Sessions(std::vector<Worker> workers) : workers_(std::move(workers)), keys_(workers_.size()) {
    for (std::size_t session = 0; session < workers_.size(); ++session) {
      keys_[session].resize(kKeys);
      for (std::size_t i = 0; i < kKeys; ++i) keys_[session][i].name = fmt::format("session-{}-{}", session, i);
    }
  }

  void run(const std::atomic<bool>& stop) override {
    run_all(workers_, stop, [this](Worker& worker, std::size_t session) {
      Key& key = keys_[session][worker.rng.below(kKeys)];
      worker.rng.chance(0.3) ? write(worker, key) : read(worker, keys_[session], key);
    });
  }

  WorkReport check(Client& client, const LedgerView&) override {
    report_.name = "sessions: read your writes, monotonic reads";
    report_.facts = {{"session_lost", session_lost_}};
    for (const Worker& worker : workers_) {
      for (const auto& [write, times] : worker.told->writes()) {
        const auto value = client.get(write.first, final_read());
        if (!value || value->version != write.second) continue;
        add_problem(report_, fmt::format("a writer was told that {} at {} is lost, but it is there", write.first,
                                         to_string(write.second)));
      }
    }
    return report_;
  }

 private:
  static constexpr std::size_t kKeys = 40;
  struct Key {
    std::string name;
    std::uint64_t last = 0;  // written
    std::uint64_t seen = 0;
  };

  void write(Worker& worker, Key& key) {
    const auto written = worker.client->put(key.name, std::to_string(++key.last));
    const std::lock_guard lock(mutex_);
    ++report_.calls;
    if (!written) {
      ++(written.error().outcome == Outcome::unknown ? report_.unknown : report_.refused);
      return;
    }
    ++report_.acknowledged;
    key.seen = std::max(key.seen, key.last);
  }

  void read(Worker& worker, std::vector<Key>& session, Key& key) {
    CallOptions options;
    options.read = Read::session();
    const auto value = worker.client->get(key.name, options);
    const std::lock_guard lock(mutex_);
    ++report_.calls;
    if (!value && value.error().code == ErrorCode::session_lost) {
      ++session_lost_;
      forget_partition(*worker.client, session, key);
      return;
    }
    if (!value && value.error().code != ErrorCode::not_found) {
      ++report_.refused;
      return;
    }
    ++report_.acknowledged;
    const std::uint64_t now = value ? std::stoull(value->data) : 0;
    if (now < key.seen) {
      add_problem(report_,
                  fmt::format("{}: read {} after {} had been seen, without session_lost", key.name, now, key.seen));
    }
    key.seen = std::max(key.seen, now);
  }

  // The client says that something is gone there: from here on the session counts that partition anew.
  static void forget_partition(Client& client, std::vector<Key>& session, const Key& lost) {
    const std::uint32_t partition = client.locate(lost.name)->partition;
    for (Key& key : session) {
      if (client.locate(key.name)->partition == partition) key.seen = 0;
    }
  }

  std::vector<Worker> workers_;
  std::vector<std::vector<Key>> keys_;  // by session, its thread's
  std::mutex mutex_;
  std::uint64_t session_lost_ = 0;  // guarded by mutex_, as is
  WorkReport report_;
};

}  // namespace

Result<std::vector<std::unique_ptr<Work>>> make_workload(const WorkOptions& options, std::uint32_t members) {
  std::vector<std::unique_ptr<Work>> works;
  GYRE_TRY_SET(auto registers, make_workers(options, 1, 3));
  works.push_back(std::make_unique<Registers>(std::move(registers)));
  GYRE_TRY_SET(auto counters, make_workers(options, 11, 2));
  works.push_back(std::make_unique<Counters>(std::move(counters)));

  const auto unique = [&](std::string prefix, std::string name, Ack ack, std::uint64_t number) -> Result<void> {
    GYRE_TRY_SET(auto workers, make_workers(options, number, 2));
    auto bursts = ack == Ack::one() ? options.bursts : nullptr;
    works.push_back(std::make_unique<UniqueWrites>(
        UniqueWrites::Setup{std::move(prefix), std::move(name), ack, std::move(bursts)}, std::move(workers)));
    return {};
  };
  GYRE_TRY(unique("one", "unique keys: ack one", Ack::one(), 21));
  if (members > 2) GYRE_TRY(unique("two", "unique keys: ack 2", Ack::members(2), 31));
  GYRE_TRY(unique("all", "unique keys: ack all", Ack::all(), 41));

  GYRE_TRY_SET(auto sessions, make_workers(options, 51, 2));
  works.push_back(std::make_unique<Sessions>(std::move(sessions)));
  return works;
}

}  // namespace gyre::cli
