// Redis itself is the reference: random commands to both, and every reply compared.
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string_view>
#include <tuple>

#include <gtest/gtest.h>

#include "tests/integration/program.h"
#include "tests/integration/random_commands.h"
#include "tests/integration/redis_clients.h"
#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using wire::RespValue;

constexpr std::size_t kCommands = 12'000;
constexpr std::size_t kPipeline = 24;
constexpr std::size_t kDifferentMax = 10;  // then it ends

// The server is the program that Debian's redis-tools installs to check files, called by its other name.
constexpr const char* kRedis = "/usr/bin/redis-check-rdb";

std::string encoded(const Words& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return bytes;
}

std::string shown(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += ::testing::PrintToString(word) + " ";
  return text;
}

std::string shown(const RespValue& value) {
  std::string text = std::to_string(static_cast<int>(value.kind)) + ":" + value.text;
  if (value.kind == RespValue::Kind::integer) text += std::to_string(value.integer);
  for (const RespValue& item : value.items) text += " [" + shown(item) + "]";
  return text;
}

bool is(const Words& words, std::string_view name) {
  return !words.empty() && ::strcasecmp(words[0].c_str(), std::string(name).c_str()) == 0;
}

// Both read a clock, one after the other.
bool about_equal(const RespValue& a, const RespValue& b, std::int64_t slack) {
  const bool times = a.kind == RespValue::Kind::integer && b.kind == a.kind && a.integer > 0 && b.integer > 0;
  return times && std::abs(a.integer - b.integer) <= slack;
}

RespValue sorted(RespValue value) {
  std::ranges::sort(value.items, {}, &RespValue::text);
  return value;
}

// A dump with what Redis packs, and Gyre does not; it is restored by either.
bool compressed(const RespValue& dump) { return dump.text.size() > 2 && dump.text[1] == '\xc3'; }

// Why the two may differ in this; null: they may not.
const char* explained(const Words& words, const RespValue& theirs, const RespValue& ours) {
  if ((is(words, "TTL") || is(words, "EXPIRETIME")) && about_equal(theirs, ours, 2)) return "a clock read twice";
  if ((is(words, "PTTL") || is(words, "PEXPIRETIME")) && about_equal(theirs, ours, 2000)) return "a clock read twice";
  // Redis counts what has expired until it comes across it.
  const bool fewer = ours.kind == theirs.kind && ours.integer < theirs.integer;
  if (is(words, "DBSIZE") && fewer) return "expired and still counted";
  if (is(words, "DUMP") && compressed(theirs) && !compressed(ours)) return "compressed in a dump";
  if (is(words, "KEYS") && sorted(theirs) == sorted(ours)) return "keys come in no order";
  return nullptr;
}

// The same of a transaction: each of its replies is that of one command.
const char* explained(const std::vector<Words>& queued, const RespValue& theirs, const RespValue& ours) {
  const bool arrays = theirs.kind == RespValue::Kind::array && ours.kind == theirs.kind;
  if (!arrays || theirs.items.size() != queued.size() || ours.items.size() != queued.size()) return nullptr;
  for (std::size_t i = 0; i < queued.size(); ++i) {
    if (theirs.items[i] != ours.items[i] && !explained(queued[i], theirs.items[i], ours.items[i])) return nullptr;
  }
  return "a clock read twice";
}

class DifferentialTest : public ::testing::TestWithParam<std::tuple<const char*, int>> {
 protected:
  void SetUp() override {
    if (::access(kRedis, X_OK) != 0) GTEST_SKIP() << "no " << kRedis << ": install redis-tools";
    const Output up = sandbox_.up({"--nodes", "1", "--rf", "1", "--routers", "1"});
    ASSERT_EQ(up.status, 0) << up.err;
    const std::string server = sandbox_.dir() / "redis-server";
    std::filesystem::create_symlink(kRedis, server);
    const std::string port = std::to_string(Sandbox::free_ports(1));
    const std::string log = sandbox_.dir() / "redis.log";
    const auto& [process, version] = GetParam();
    // A router is as one Redis, a node as one of a Redis Cluster.
    const bool node = process == std::string_view("n1");
    redis_ = std::make_unique<Program>(Words{server, "--port", port, "--bind", "127.0.0.1", "--save", "",
                                             "--appendonly", "no", "--cluster-enabled", node ? "yes" : "no",
                                             "--logfile", log, "--dir", sandbox_.dir()});
    const std::string cli = "redis-cli -p " + port + " ";
    ASSERT_TRUE(eventually(10s, [&] { return run(cli + "PING").starts_with("PONG"); })) << sandbox_.read_file(log);
    if (node) {
      run(cli + "CLUSTER ADDSLOTSRANGE 0 16383");
      ASSERT_TRUE(eventually(10s, [&] { return run(cli + "SET {d}0 x").starts_with("OK"); }));
      run(cli + "FLUSHALL");
    }
    theirs_ = std::make_unique<RespClient>("127.0.0.1:" + port);
    ours_ = std::make_unique<RespClient>(sandbox_.process(process)["resp"].get<std::string>());
    const std::string hello = "HELLO " + std::to_string(version);
    ASSERT_NE(theirs_->ask(hello).kind, RespValue::Kind::error);
    ASSERT_NE(ours_->ask(hello).kind, RespValue::Kind::error);
  }

  // Sends all of it to both, then compares.
  void compare(const std::vector<Words>& commands) {
    std::string bytes;
    for (const Words& words : commands) bytes += encoded(words);
    theirs_->send(bytes);
    ours_->send(bytes);
    std::string before;
    for (const Words& words : commands) {
      const RespValue theirs = theirs_->receive();
      const RespValue ours = ours_->receive();
      if (theirs.text == kNoAnswer || ours.text == kNoAnswer) {
        different_ = kDifferentMax;
        FAIL() << shown(words) << "\n  Redis: " << shown(theirs) << "\n  Gyre:  " << shown(ours);
      }
      ++compared_;
      before += "\n  " + shown(words) + " " + shown(theirs);
      note_queued(words, theirs);
      if (theirs == ours) continue;
      if (const char* why = is(words, "EXEC") ? explained(queued_, theirs, ours) : explained(words, theirs, ours)) {
        ++explained_[why];
        continue;
      }
      ADD_FAILURE() << shown(words) << "\n  Redis: " << shown(theirs) << "\n  Gyre:  " << shown(ours)
                    << "\nafter, with what Redis answered:" << before;
      ++different_;
    }
  }

  // What EXEC will answer.
  void note_queued(const Words& words, const RespValue& reply) {
    if (is(words, "MULTI") && reply.text == "OK") queued_.clear();
    if (reply.text == "QUEUED") queued_.push_back(words);
  }

  Sandbox sandbox_;
  std::vector<Words> queued_;
  std::unique_ptr<Program> redis_;
  std::unique_ptr<RespClient> theirs_;
  std::unique_ptr<RespClient> ours_;
  std::size_t compared_ = 0;
  std::size_t different_ = 0;
  std::map<std::string, std::size_t> explained_;
};

TEST_P(DifferentialTest, RandomCommandsAreAnsweredAsByRedis) {
  const char* given = std::getenv("GYRE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("GYRE_SEED=" + std::to_string(seed));
  RandomCommands random(seed);
  while (compared_ < kCommands && different_ < kDifferentMax) {
    std::vector<Words> commands;
    while (commands.size() < kPipeline) std::ranges::move(random.next(), std::back_inserter(commands));
    compare(commands);
  }
  // What is stored in the end. Redis forgets what has expired as it is asked for it.
  std::vector<Words> all;
  for (const std::string& key : RandomCommands::keys()) all.insert(all.end(), {{"GET", key}, {"PTTL", key}});
  compare(all);
  const Words count{"DBSIZE"};
  theirs_->send(encoded(count));
  ours_->send(encoded(count));
  EXPECT_EQ(theirs_->receive(), ours_->receive());
  std::string text = std::to_string(compared_) + " replies compared, " + std::to_string(different_) + " differ";
  for (const auto& [why, times] : explained_) text += "; " + std::to_string(times) + " " + why;
  GTEST_LOG_(INFO) << text;
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<const char*, int>>& way) {
  const auto& [process, version] = way.param;
  return (process == std::string_view("n1") ? "ANodeInVersion" : "ARouterInVersion") + std::to_string(version);
}

INSTANTIATE_TEST_SUITE_P(Of, DifferentialTest,
                         ::testing::Combine(::testing::Values("n1", "r1"), ::testing::Values(2, 3)), name_of);

}  // namespace
}  // namespace gyre::integration
