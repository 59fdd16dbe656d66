#include "resp/session.h"

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/listener.h"
#include "tests/unit/node/support.h"
#include "tests/unit/resp/raw_client.h"

namespace gyre::resp {
namespace {

using node::run_on;
using node::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

// Keeps what it is asked until the test answers. Divides, as a router does.
class KeepingBackend final : public Backend {
 public:
  KeepingBackend() : Backend({.divides = true}) {
    auto map = std::make_shared<ring::ClusterMap>();
    map->shape.partitions = 4;
    map->shape.replication_factor = 3;
    map->entries.resize(4);
    for (ring::PartitionEntry& entry : map->entries) {
      for (const char* member : {"n1", "n2", "n3"}) entry.in_sync.push_back({NodeId(member), {}});
    }
    map_ = std::move(map);
  }
  void change(const std::function<void(ring::PartitionEntry&)>& changed) {
    auto map = std::make_shared<ring::ClusterMap>(*map_);
    for (ring::PartitionEntry& entry : map->entries) changed(entry);
    map_ = std::move(map);
  }
  const ring::ClusterMapPtr& map() const override { return map_; }
  redis::Parsed<messages::ReadConsistency> route(const Client& client, const redis::Command&,
                                                 std::optional<Slot>) const override {
    return client.read;
  }
  bool holds(PartitionId partition) const override { return partition != away; }
  void ask(runtime::ResponderPtr from, const Client&, Slot, messages::Request request, Instant) override {
    asked.push_back({std::move(from), std::move(request)});
  }
  std::optional<messages::GetResponse> get_at_once(Slot, std::string_view key,
                                                   const messages::ReadConsistency& read) override {
    const auto known = at_once.find(key);
    if (known == at_once.end() || read.level != messages::ReadLevel::primary) return std::nullopt;
    messages::GetResponse found;
    if (known->second) found.record = messages::Record{Bytes::copy_of(*known->second), {Term(1), Sequence(1)}};
    return found;
  }
  std::optional<redis::Reply> redirect(Slot, const Error&) const override { return std::nullopt; }

  struct Asked {
    runtime::ResponderPtr from;
    messages::Request request;
  };
  std::deque<Asked> asked;
  std::map<std::string, std::optional<std::string>, std::less<>> at_once;  // none: known to be absent
  PartitionId away{1};

 private:
  ring::ClusterMapPtr map_;
};

class SessionTest : public testing::Test {
 protected:
  explicit SessionTest(Users users = Users()) {
    server_.users = std::move(users);
    listener_ = *net::Listener::open_bytes("127.0.0.1:0", {&loop_}, byte_limits(server_), [this](const auto& accepted) {
      const auto session = std::make_shared<Session>(shared_, accepted);
      session_ = session;
      accepted->start(session);
    });
    loop_.start();
    client_.emplace(listener_->address());
    wait_until([&] { return run_on(loop_, [&] { return !session_.expired(); }); });
  }
  ~SessionTest() override {
    client_.reset();
    run_on(loop_, [&] {
      listener_.reset();
      backend_.asked.clear();
    });
    wait_until([&] { return run_on(loop_, [&] { return session_.expired(); }); });
    loop_.stop();
    loop_.join();
  }

  // Sends, and waits until so many requests are open.
  void send(std::string_view commands, std::size_t asked) {
    client_->send(commands);
    wait_asked(asked);
  }
  void wait_asked(std::size_t count) {
    wait_until([&] { return run_on(loop_, [&] { return backend_.asked.size() == count; }); });
  }
  void answer(std::size_t which, messages::ResponseBody body) {
    run_on(loop_, [&] {
      const KeepingBackend::Asked asked = std::move(backend_.asked[which]);
      backend_.asked.erase(backend_.asked.begin() + static_cast<std::ptrdiff_t>(which));
      asked.from->respond({.id = asked.request.id, .epoch = {}, .body = std::move(body)});
    });
  }
  void expect(std::string_view reply) { EXPECT_EQ(client_->receive(reply.size()), reply); }

  static messages::ResponseBody written() { return messages::WriteResponse{.outcomes = {{.changed = true}}}; }
  static messages::ResponseBody found(std::string_view value) {
    return messages::GetResponse{.record = messages::Record{Bytes::copy_of(value), {Term(1), Sequence(1)}, kNoExpiry}};
  }
  static messages::ResponseBody failed(ErrorCode code, Outcome outcome) {
    return Error{code, outcome, "the test says so", {}};
  }

  net::Loop loop_{"resp-test"};
  KeepingBackend backend_;
  Server server_;
  Counter malformed_;
  Session::Shared shared_{loop_, backend_, server_, malformed_};
  std::unique_ptr<net::Listener> listener_;
  std::weak_ptr<Session> session_;
  std::optional<RawClient> client_;
};

class UserSessionTest : public SessionTest {
 protected:
  UserSessionTest()
      : SessionTest(Users({{.name = "app", .password_sha256 = sha256("secret"), .ack = messages::kAckAll},
                           {.name = "default", .password_sha256 = sha256("word")}})) {}
};

constexpr std::string_view kNoAuth = "-NOAUTH Authentication required.\r\n";
constexpr std::string_view kWrongPassword = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

TEST_F(UserSessionTest, WhoHasNotSaidWhoTheyAreGetNothing) {
  client_->send("GET a\r\nPING\r\nMULTI\r\nCLIENT LIST\r\nNONSENSE\r\n");
  for (int i = 0; i < 4; ++i) expect(kNoAuth);
  expect("-ERR unknown command 'NONSENSE', with args beginning with: \r\n");
  client_->send("HELLO 3\r\nAUTH app wrong\r\nAUTH word wrong x y\r\nAUTH nobody secret\r\nPING\r\nQUIT\r\n");
  expect("-NOAUTH HELLO must be called with the client already authenticated");
  EXPECT_THAT(client_->line(), HasSubstr("AUTH <user> <pass>"));
  expect(kWrongPassword);
  expect("-ERR syntax error\r\n");
  expect(kWrongPassword);
  expect(kNoAuth);
  expect("+OK\r\n");
  EXPECT_EQ(server_.refused_logins.load(), 2u);
}

TEST_F(UserSessionTest, WhoSaysMuchAndNotWhoItIsIsCutOff) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "PING\r\n";
  client_->send(many + "AUTH app secret\r\n");
  for (int i = 0; i < 200; ++i) expect(kNoAuth);
  expect("+OK\r\n");
  RawClient other(listener_->address());
  std::string endless;
  for (int i = 0; i < 4000; ++i) endless += "PING\r\n";
  other.send(endless);
  EXPECT_LT(other.rest().size(), 4000 * kNoAuth.size()) << "and the connection ends";
}

TEST_F(UserSessionTest, AUserHasItsLevels) {
  client_->send("AUTH app secret\r\n");
  expect("+OK\r\n");
  send("SET a v\r\n", 1);
  EXPECT_EQ(run_on(loop_, [&] { return std::get<messages::WriteRequest>(backend_.asked[0].request.body).ack; }),
            messages::kAckAll);
  answer(0, written());
  expect("+OK\r\n");
  client_->send("AUTH word\r\n");
  expect("+OK\r\n");
  send("SET a v\r\n", 1);
  EXPECT_EQ(run_on(loop_, [&] { return std::get<messages::WriteRequest>(backend_.asked[0].request.body).ack; }),
            messages::kAckOne);
  answer(0, written());
  expect("+OK\r\n");
}

TEST_F(UserSessionTest, ResetForgetsWhoItWas) {
  client_->send("HELLO 2 AUTH app;ack=one secret SETNAME me\r\n");
  EXPECT_THAT(client_->line(), StartsWith("*14"));
  client_->send("RESET\r\nPING\r\n");
  std::string reply;
  while (reply != "+RESET\r\n" && (reply = client_->line()) != "") {
  }
  expect(kNoAuth);
}

TEST_F(UserSessionTest, WhoSaysAgainWhoItIsKeepsWhatItHasChosen) {
  client_->send("AUTH app secret\r\nGYRE.ACK 2\r\nAUTH app secret\r\n");
  for (int i = 0; i < 3; ++i) expect("+OK\r\n");
  send("SET a v\r\n", 1);
  EXPECT_EQ(run_on(loop_, [&] { return std::get<messages::WriteRequest>(backend_.asked[0].request.body).ack; }), 2);
  answer(0, written());
  expect("+OK\r\n");
}

class OpenSessionTest : public SessionTest {
 protected:
  OpenSessionTest() : SessionTest(Users({{.name = "default", .ack = messages::kAckAll}})) {}
};

TEST_F(OpenSessionTest, WhoSaysNothingHasTheLevelsOfTheDefaultUser) {
  for (const char* before : {"", "GYRE.ACK one\r\nRESET\r\n"}) {
    client_->send(before);
    if (*before != '\0') expect("+OK\r\n+RESET\r\n");
    send("SET a v\r\n", 1);
    EXPECT_EQ(run_on(loop_, [&] { return std::get<messages::WriteRequest>(backend_.asked[0].request.body).ack; }),
              messages::kAckAll);
    answer(0, written());
    expect("+OK\r\n");
  }
}

// The keys a, b and c are of three partitions.
constexpr std::string_view kMset = "MSET a 1 b 2 c 3\r\n";

TEST_F(SessionTest, RepliesKeepTheOrderOfTheCommandsWhateverIsAnsweredFirst) {
  send("GET a\r\nGET b\r\n", 2);
  answer(1, found("second"));
  answer(0, found("first"));
  expect("$5\r\nfirst\r\n$6\r\nsecond\r\n");
}

TEST_F(SessionTest, WhatIsKnownAtOnceIsAnsweredWithoutARequest) {
  backend_.at_once = {{"a", "here"}, {"gone", std::nullopt}};
  client_->send("GET a\r\nGET gone\r\n");
  expect("$4\r\nhere\r\n$-1\r\n");
  EXPECT_TRUE(run_on(loop_, [&] { return backend_.asked.empty(); }));
}

TEST_F(SessionTest, WhatIsKnownAtOnceDoesNotOvertake) {
  backend_.at_once = {{"a", "at once"}};
  send("GET b\r\nGET a\r\n", 2);
  answer(1, found("waited"));
  answer(0, found("first"));
  expect("$5\r\nfirst\r\n$6\r\nwaited\r\n");
}

TEST_F(SessionTest, WhatIsKnownAtOnceIsHeldToWhatTheConnectionSaid) {
  backend_.at_once = {{"a", "at once"}};
  client_->send("MULTI\r\nGET a\r\nDISCARD\r\nCLIENT REPLY SKIP\r\nGET a\r\nGYRE.READ any\r\n");
  expect("+OK\r\n+QUEUED\r\n+OK\r\n");
  wait_asked(1);
  answer(0, found("not shown"));
  expect("+OK\r\n");
  send("GET a\r\nGYRE.READ session\r\n", 1);
  answer(0, found("any"));
  expect("$3\r\nany\r\n+OK\r\n");
  send("GET a\r\n", 1);
  answer(0, found("session"));
  expect("$7\r\nsession\r\n");
}

TEST_F(SessionTest, AWriteIsDividedAndJoined) {
  send(kMset, 3);
  for (int i = 0; i < 3; ++i) answer(0, written());
  expect("+OK\r\n");
}

TEST_F(SessionTest, OfADividedWriteThatFailsInPartTheOutcomeIsUnknown) {
  send(kMset, 3);
  answer(0, written());
  answer(0, failed(ErrorCode::no_replicas, Outcome::not_applied));
  answer(0, written());
  expect("-ERR outcome unknown: its keys are in 3 partitions, and 2 have it");
}

TEST_F(SessionTest, WhatMayHaveBeenAppliedOutweighsWhatSurelyWasNot) {
  for (const bool unknown_first : {true, false}) {
    send(kMset, 3);
    answer(0, failed(unknown_first ? ErrorCode::timeout : ErrorCode::busy,
                     unknown_first ? Outcome::unknown : Outcome::not_applied));
    answer(0, failed(unknown_first ? ErrorCode::busy : ErrorCode::timeout,
                     unknown_first ? Outcome::not_applied : Outcome::unknown));
    answer(0, failed(ErrorCode::no_replicas, Outcome::not_applied));
    expect("-ERR outcome unknown: the test says so\r\n");
  }
}

TEST_F(SessionTest, ADividedWriteOfWhichNothingIsThereSaysSo) {
  send(kMset, 3);
  for (int i = 0; i < 3; ++i) answer(0, failed(ErrorCode::no_replicas, Outcome::not_applied));
  EXPECT_THAT(client_->receive(11), StartsWith("-NOREPLICAS"));
}

TEST_F(SessionTest, WithNobodyWhoKeepsTheOrderWhatFollowsAWriteOfItsKeyWaits) {
  send("SET a 1\r\nGET a\r\nGET b\r\n", 1);
  answer(0, written());
  wait_asked(2);
  answer(1, found("b"));
  answer(0, found("1"));
  expect("+OK\r\n$1\r\n1\r\n$1\r\nb\r\n");
}

messages::ResponseBody page(std::vector<std::string> keys, bool more = false) {
  messages::ScanResponse page;
  for (const std::string& key : keys) page.items.push_back({.key = Bytes::copy_of(key), .record = {}});
  page.more = more;
  return page;
}

// Its questions are of the members of one partition: the primary alone, two, and all three.
TEST_F(SessionTest, WaitCountsTheReplicasThatHoldWhatWasWritten) {
  const auto held = failed(ErrorCode::condition_failed, Outcome::not_applied);
  const auto wait = [&](std::vector<messages::ResponseBody> answers, std::string_view reply) {
    send("SET a 1\r\nWAIT 2 100\r\nGET a\r\n", 1);
    answer(0, written());
    wait_asked(3);
    for (auto& body : answers) answer(0, std::move(body));
    wait_asked(1);
    answer(0, found("1"));
    expect(reply);
  };
  wait({held, held, held}, "+OK\r\n:2\r\n$1\r\n1\r\n");
  wait({held, held, failed(ErrorCode::timeout, Outcome::unknown)}, "+OK\r\n:1\r\n$1\r\n1\r\n");
  wait({held, failed(ErrorCode::no_replicas, Outcome::not_applied), held}, "+OK\r\n:2\r\n$1\r\n1\r\n");
  const auto moved = failed(ErrorCode::not_primary, Outcome::not_applied);
  wait({moved, moved, moved}, "+OK\r\n:0\r\n$1\r\n1\r\n");
}

TEST_F(SessionTest, WaitCountsWhatAllPartitionsWrittenToHold) {
  const auto held = failed(ErrorCode::condition_failed, Outcome::not_applied);
  send("MSET a 1 b 2\r\nWAIT 1 0\r\nPING\r\n", 2);
  for (int i = 0; i < 2; ++i) answer(0, written());
  wait_asked(4);
  answer(0, held);
  answer(0, held);
  answer(0, held);
  answer(0, failed(ErrorCode::no_replicas, Outcome::not_applied));
  expect("+OK\r\n:0\r\n+PONG\r\n");
}

TEST_F(SessionTest, AWaitAsksAgainForWhatTheLastOneMissed) {
  send("SET a 1\r\nWAIT 1 10\r\n", 1);
  answer(0, written());
  for (const std::string_view reply : {"+OK\r\n:0\r\n", ":1\r\n"}) {
    wait_asked(2);
    const bool late = reply.starts_with('+');
    answer(0, failed(ErrorCode::condition_failed, Outcome::not_applied));
    answer(0, failed(late ? ErrorCode::timeout : ErrorCode::condition_failed, Outcome::not_applied));
    expect(reply);
    if (late) client_->send("WAIT 1 1000\r\n");
  }
}

// Another primary may have come without the write, and knows nothing of it.
TEST_F(SessionTest, WhatAnEarlierPrimaryTookNobodyHoldsForCertain) {
  send("SET a 1\r\nWAIT 1 10\r\n", 1);
  answer(0, written());
  wait_asked(2);
  run_on(loop_, [&] { backend_.change([](ring::PartitionEntry& entry) { entry.term = Term(2); }); });
  for (int i = 0; i < 2; ++i) answer(0, failed(ErrorCode::condition_failed, Outcome::not_applied));
  expect("+OK\r\n:0\r\n");
}

TEST_F(SessionTest, WaitAsksNoMembersThatAreNotInSync) {
  backend_.change([](ring::PartitionEntry& entry) { entry.in_sync.resize(1); });
  send("SET a 1\r\nWAIT 2 10\r\n", 1);
  answer(0, written());
  wait_asked(1);
  answer(0, failed(ErrorCode::condition_failed, Outcome::not_applied));
  expect("+OK\r\n:0\r\n");
}

TEST_F(SessionTest, WhileNobodyIsInSyncNothingIsForgotten) {
  const std::vector<ring::InSyncMember> members = backend_.map()->entries.front().in_sync;
  run_on(loop_, [&] { backend_.change([](ring::PartitionEntry& entry) { entry.in_sync.clear(); }); });
  send("SET a 1\r\nWAIT 1 10\r\n", 1);
  answer(0, written());
  expect("+OK\r\n:0\r\n");
  run_on(loop_, [&] { backend_.change([&](ring::PartitionEntry& entry) { entry.in_sync = members; }); });
  send("WAIT 1 10\r\n", 2);
  for (int i = 0; i < 2; ++i) answer(0, failed(ErrorCode::condition_failed, Outcome::not_applied));
  expect(":1\r\n");
}

TEST_F(SessionTest, AWriteThatWasRefusedIsNotWaitedFor) {
  send("SET a 1\r\nWAIT 2 10\r\n", 1);
  answer(0, failed(ErrorCode::unavailable, Outcome::not_applied));
  expect("-CLUSTERDOWN the test says so\r\n:2\r\n");
}

TEST_F(SessionTest, WaitAsksForNoLongerThanItsTimeout) {
  send("SET a 1\r\nWAIT 1 250\r\n", 1);
  answer(0, written());
  wait_asked(2);
  for (int i = 0; i < 2; ++i) {
    const Duration budget = run_on(loop_, [&] { return backend_.asked.front().request.budget; });
    EXPECT_GT(budget, Duration(0));
    EXPECT_LE(budget, std::chrono::milliseconds(250));
    answer(0, failed(ErrorCode::condition_failed, Outcome::not_applied));
  }
  expect("+OK\r\n:1\r\n");
}

TEST_F(SessionTest, WaitRefusesWhatIsNoNumber) {
  client_->send("WAIT x 0\r\nWAIT 1 -1\r\nWAIT 1 99999999999\r\n");
  expect(
      "-ERR value is not an integer or out of range\r\n-ERR timeout is negative\r\n"
      "-ERR timeout is not an integer or out of range\r\n");
}

TEST_F(SessionTest, CommandsSinceMultiWaitForExec) {
  send("MULTI\r\nSET a 1\r\nPING\r\nEXEC\r\nGET a\r\n", 1);
  answer(0, messages::GetResponse{});
  wait_asked(1);
  EXPECT_TRUE(run_on(
      loop_, [&] { return std::holds_alternative<messages::WriteRequest>(backend_.asked.front().request.body); }));
  answer(0, written());
  wait_asked(1);
  answer(0, found("1"));
  expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+PONG\r\n$1\r\n1\r\n");
}

TEST_F(SessionTest, ExecWaitsForWhatWatchFinds) {
  send("WATCH a\r\nMULTI\r\nSET a 1\r\nEXEC\r\n", 1);
  answer(0, found("before"));
  wait_asked(1);
  answer(0, messages::GetResponse{});
  expect("+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n");
}

TEST_F(SessionTest, AWatchThatFailedLetsExecDoNothing) {
  send("WATCH a\r\nMULTI\r\nEXEC\r\n", 1);
  answer(0, failed(ErrorCode::unavailable, Outcome::not_applied));
  wait_asked(1);
  answer(0, messages::GetResponse{});
  expect("-CLUSTERDOWN the test says so\r\n+OK\r\n*-1\r\n");
}

TEST_F(SessionTest, WhatCannotBeQueuedSpoilsTheTransaction) {
  for (const auto& [command, why] : {std::pair{"NOSUCH", "-ERR unknown command"},
                                     {"GET", "-ERR wrong number of arguments for 'get' command"},
                                     {"SET b 1", "-CROSSSLOT Keys in request don't hash to the same slot"},
                                     {"KEYS *", "-ERR a transaction is of one slot"},
                                     {"HELLO 3", "-ERR Command not allowed inside a transaction"},
                                     {"CLIENT REPLY OFF", "-ERR Command not allowed inside a transaction"},
                                     {"GYRE.ACK all", "-ERR Command not allowed inside a transaction"},
                                     {"AUTH a b", "-ERR Command not allowed inside a transaction"},
                                     {"WAIT 1 1", "-ERR Command not allowed inside a transaction"}}) {
    client_->send(std::string("MULTI\r\nSET a 1\r\n") + command + "\r\nEXEC\r\n");
    expect("+OK\r\n+QUEUED\r\n");
    EXPECT_THAT(client_->line(), StartsWith(why));
    expect("-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
}

TEST_F(SessionTest, ExecRunsTheConnectionsOwnCommandsOnceItsWritesAreThere) {
  client_->send("CLIENT SETNAME before\r\n");
  expect("+OK\r\n");
  send("MULTI\r\nCLIENT SETNAME after\r\nSET a 1\r\nPING\r\nEXEC\r\nCLIENT GETNAME\r\n", 1);
  const auto line = [&] { return run_on(loop_, [&] { return server_.all.all().at(0)->line(net::steady_now()); }); };
  const auto unchanged = testing::AllOf(HasSubstr(" name=before "), HasSubstr(" multi=3 "));
  EXPECT_THAT(line(), unchanged);
  answer(0, messages::GetResponse{});
  wait_asked(1);
  EXPECT_THAT(line(), unchanged);
  answer(0, written());
  expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n+OK\r\n+PONG\r\n$5\r\nafter\r\n");
  EXPECT_THAT(line(), testing::AllOf(HasSubstr(" name=after "), HasSubstr(" multi=-1 ")));
}

TEST_F(SessionTest, AnExecThatDoesNothingLeavesTheConnectionAsItIs) {
  for (const auto& [answers, reply] : {std::pair{messages::ResponseBody(found("other")), "*-1\r\n"},
                                       {messages::ResponseBody(failed(ErrorCode::unavailable, Outcome::not_applied)),
                                        "-CLUSTERDOWN the test says so\r\n"}}) {
    send("WATCH a\r\nMULTI\r\nCLIENT SETNAME after\r\nEXEC\r\nCLIENT GETNAME\r\n", 1);
    answer(0, messages::GetResponse{});
    wait_asked(1);
    answer(0, answers);
    expect(std::string("+OK\r\n+OK\r\n+QUEUED\r\n") + reply + "$-1\r\n");
  }
}

TEST_F(SessionTest, AConnectionThatEndsItselfIsAnsweredFirst) {
  client_->send("MULTI\r\nCLIENT KILL SKIPME no\r\nPING\r\nEXEC\r\nPING\r\n");
  expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n+PONG\r\n");
  wait_until([&] { return server_.all.all().empty(); });
}

TEST_F(SessionTest, RepliesOfOwnCommandsInATransactionAreBounded) {
  constexpr std::size_t kLists = 1000;
  std::vector<std::unique_ptr<RawClient>> others;  // each is a line of the list
  for (int i = 0; i < 120; ++i) others.push_back(std::make_unique<RawClient>(listener_->address()));
  wait_until([&] { return server_.all.all().size() == others.size() + 1; });
  std::string lists;
  std::string queued;
  for (std::size_t i = 0; i < kLists; ++i) {
    lists += "CLIENT LIST\r\n";
    queued += "+QUEUED\r\n";
  }
  client_->send("MULTI\r\n" + lists);
  expect("+OK\r\n");
  ASSERT_EQ(client_->receive(queued.size()), queued);
  client_->send("EXEC\r\nQUIT\r\n");
  const std::string replies = client_->receive(std::size_t{32} << 20);
  EXPECT_LT(replies.size(), std::size_t{24} << 20);
  EXPECT_EQ(replies.substr(0, 8), "*1000\r\n$");
  constexpr std::string_view kEnd = "hold too much memory: this was not run\r\n+OK\r\n";
  EXPECT_EQ(replies.substr(replies.size() - std::min(replies.size(), kEnd.size())), kEnd);
  others.clear();
  wait_until([&] { return server_.all.all().empty(); });
}

TEST_F(SessionTest, ATransactionHasSoManyOwnCommandsAtMost) {
  std::string commands = "MULTI\r\n";
  std::string replies = "+OK\r\n";
  for (int i = 0; i < 1000; ++i) {
    commands += "PING\r\n";
    replies += "+QUEUED\r\n";
  }
  client_->send(commands + "PING\r\nEXEC\r\n");
  expect(replies);
  EXPECT_THAT(client_->line(), StartsWith("-ERR this transaction has too many commands that touch no key"));
  EXPECT_THAT(client_->line(), StartsWith("-EXECABORT"));
}

TEST_F(SessionTest, ResetAndDiscardForgetTheTransaction) {
  client_->send("MULTI\r\nSET a 1\r\nDISCARD\r\nEXEC\r\nMULTI\r\nRESET\r\nEXEC\r\n");
  expect("+OK\r\n+QUEUED\r\n+OK\r\n-ERR EXEC without MULTI\r\n+OK\r\n+RESET\r\n-ERR EXEC without MULTI\r\n");
}

TEST_F(SessionTest, ATransactionHoldsSoMuchMemoryAtMost) {
  client_->send("MULTI\r\n");
  expect("+OK\r\n");
  const std::string value(server_.value_bytes_max, 'v');
  const std::string set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
  std::string reply;
  for (int i = 0; i < 200 && !reply.starts_with('-'); ++i) {
    client_->send(set);
    reply = client_->line();
  }
  EXPECT_THAT(reply, StartsWith("-ERR this transaction holds too much memory"));
}

TEST_F(SessionTest, LooksThroughAllPartitionsThatAreHere) {
  send("KEYS a*\r\n", 1);
  answer(0, page({"a1", "a2"}, true));
  wait_asked(1);
  run_on(loop_, [&] {
    const auto& scan = std::get<messages::ScanRequest>(backend_.asked[0].request.body);
    EXPECT_EQ(scan.after, Bytes::literal("a2"));
    EXPECT_EQ(scan.prefix, Bytes::literal("a"));
  });
  answer(0, page({"a3"}));
  wait_asked(1);
  run_on(loop_, [&] {
    EXPECT_EQ(std::get<messages::ScanRequest>(backend_.asked[0].request.body).partition, PartitionId(2)) << "1 is away";
  });
  run_on(loop_, [&] { backend_.away = PartitionId(2); });
  answer(0, failed(ErrorCode::not_primary, Outcome::not_applied));  // it has gone, too
  wait_asked(1);
  answer(0, page({}));
  expect("*3\r\n$2\r\na1\r\n$2\r\na2\r\n$2\r\na3\r\n");
  send("DBSIZE\r\n", 1);
  answer(0, failed(ErrorCode::not_primary, Outcome::not_applied));
  EXPECT_EQ(client_->receive(1), "-") << "it is still here: none is left out silently";
}

TEST_F(SessionTest, FlushDeletesPageByPageWhatIsHere) {
  send("FLUSHALL\r\nPING\r\n", 1);
  answer(0, page({"a", "b"}, /*more=*/true));
  wait_asked(1);
  run_on(loop_, [&] {
    const auto& write = std::get<messages::WriteRequest>(backend_.asked[0].request.body);
    ASSERT_EQ(write.operations.size(), 2U);
    for (const auto& operation : write.operations) EXPECT_EQ(operation.kind, messages::WriteKind::del);
  });
  answer(0, written());
  wait_asked(1);
  EXPECT_EQ(run_on(loop_, [&] { return std::get<messages::ScanRequest>(backend_.asked[0].request.body).after; }),
            Bytes::literal("b"));
  for (int partition = 0; partition < 3; ++partition) {
    wait_asked(1);
    answer(0, page({}));
  }
  expect("+OK\r\n+PONG\r\n");
}

TEST_F(SessionTest, AFlushWhoseKeysMoveMeanwhileIsNotOk) {
  send("FLUSHALL\r\n", 1);
  run_on(loop_, [&] { backend_.away = PartitionId(3); });
  for (int partition = 0; partition < 3; ++partition) {
    wait_asked(1);
    answer(0, page({}));
  }
  EXPECT_THAT(client_->line(), StartsWith("-TRYAGAIN partitions have moved"));
}

TEST_F(SessionTest, AFlushThatFailsOnTheWaySaysSo) {
  send("FLUSHALL\r\n", 1);
  answer(0, page({"a"}));
  wait_asked(1);
  answer(0, failed(ErrorCode::no_replicas, Outcome::not_applied));
  expect("-NOREPLICAS the test says so\r\n");
}

TEST_F(SessionTest, ARandomKeyIsLookedForInEveryPartition) {
  send("RANDOMKEY\r\n", 1);
  answer(0, page({"k"}));
  expect("$1\r\nk\r\n");
  send("RANDOMKEY\r\n", 1);
  for (int partition = 0; partition < 3; ++partition) {
    wait_asked(1);
    answer(0, page({}));
  }
  expect("$-1\r\n");
}

TEST_F(SessionTest, KeysOfASlotAreThoseOfItsPartitionThatHaveIt) {
  send("CLUSTER COUNTKEYSINSLOT 15495\r\n", 1);  // of a
  answer(0, page({"a", "no", "{a}b"}));
  expect(":2\r\n");
  send("CLUSTER GETKEYSINSLOT 15495 1\r\n", 1);
  answer(0, page({"no", "a", "{a}b"}));
  expect("*1\r\n$1\r\na\r\n");
  client_->send("CLUSTER COUNTKEYSINSLOT 16384\r\nCLUSTER GETKEYSINSLOT 1 -1\r\n");
  expect("-ERR Invalid slot\r\n-ERR Invalid slot or number of keys\r\n");
}

TEST_F(SessionTest, ACursorGoesOnWhereItWas) {
  send("SCAN 0 COUNT 2\r\n", 1);
  answer(0, page({"a", "b"}, true));
  const std::string reply = client_->receive(std::string_view("*2\r\n$").size());
  EXPECT_EQ(reply, "*2\r\n$");
  std::string cursor;
  for (int i = 0; i < 10 && !cursor.ends_with("\n"); ++i) cursor += client_->receive(1);
  cursor = client_->receive(std::stoul(cursor));
  expect("\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  for (int again = 0; again < 2; ++again) {
    send("SCAN " + cursor + " COUNT 2\r\n", 1);
    run_on(loop_, [&] {
      EXPECT_EQ(std::get<messages::ScanRequest>(backend_.asked[0].request.body).after, Bytes::literal("b"));
    });
    answer(0, failed(ErrorCode::unavailable, Outcome::not_applied));
    EXPECT_THAT(client_->receive(1), "-");
    for (int i = 0; i < 1000 && client_->receive(1) != "\n"; ++i) {
    }
  }
  send("SCAN 99 MATCH *\r\n", 0);
  EXPECT_THAT(client_->receive(30), HasSubstr("ERR this cursor is not known"));
}

TEST_F(SessionTest, NothingOfWhatIsTooLargeIsAsked) {
  const std::string key(limits::kKeyBytesMax + 1, 'k');
  send("MSET a 1 " + key + " 2\r\n", 0);
  EXPECT_THAT(client_->receive(14), HasSubstr("ERR a key of"));
}

TEST_F(SessionTest, ReadsNoFurtherWhileItAsksForTooMuch) {
  std::string commands = "MGET";
  for (std::size_t i = 0; i < Session::kOpenMax; ++i) commands += " a";
  send(commands + "\r\nGET b\r\n", Session::kOpenMax);
  for (std::size_t i = 0; i < Session::kOpenMax; ++i) answer(0, messages::GetResponse{});
  wait_asked(1);
  EXPECT_THAT(client_->receive(6), StartsWith("*1024"));
}

// --- Sessions ---

messages::ReadConsistency read_of(const messages::Request& request) {
  return std::get<messages::GetRequest>(request.body).read;
}

messages::ResponseBody found_at(std::uint64_t term, std::uint64_t sequence, messages::TermHistory history = {}) {
  const Position position{Term(term), Sequence(sequence)};
  return messages::GetResponse{.record = messages::Record{Bytes::literal("v"), position, kNoExpiry},
                               .standing = {position, std::move(history)}};
}

TEST_F(SessionTest, AReadOfASessionCarriesWhatItHasWrittenAndSeen) {
  client_->send("GYRE.READ session\r\n");
  expect("+OK\r\n");
  send("SET a 1\r\n", 1);
  answer(0, messages::WriteResponse{.outcomes = {{.changed = true}}, .standing = {{Term(1), Sequence(7)}, {}}});
  expect("+OK\r\n");
  send("GET a\r\n", 1);
  run_on(loop_, [&] {
    EXPECT_EQ(read_of(backend_.asked[0].request).level, messages::ReadLevel::session);
    EXPECT_EQ(read_of(backend_.asked[0].request).seen, (Position{Term(1), Sequence(7)}));
  });
  answer(0, found_at(1, 9));
  expect("$1\r\nv\r\n");
  send("MGET b a\r\n", 2);
  run_on(loop_, [&] {
    EXPECT_EQ(read_of(backend_.asked[0].request).seen, Position()) << "another partition";
    EXPECT_EQ(read_of(backend_.asked[1].request).seen, (Position{Term(1), Sequence(9)}));
  });
  for (int i = 0; i < 2; ++i) answer(0, found_at(1, 9));
  expect("*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
}

TEST_F(SessionTest, ASessionIsToldOnceWhatAFailoverTookBack) {
  client_->send("GYRE.READ session\r\n");
  expect("+OK\r\n");
  send("GET a\r\n", 1);
  answer(0, found_at(1, 9));
  expect("$1\r\nv\r\n");
  send("GET a\r\n", 1);
  answer(0, failed(ErrorCode::session_lost, Outcome::not_applied));
  expect("-SESSIONLOST the test says so\r\n");
  send("GET a\r\n", 1);
  run_on(loop_, [&] { EXPECT_EQ(read_of(backend_.asked[0].request).level, messages::ReadLevel::primary); });
  answer(0, found_at(2, 4));
  expect("$1\r\nv\r\n");
  send("SET a 1\r\n", 1);
  answer(0, messages::WriteResponse{.outcomes = {{.changed = true}},
                                    .standing = {{Term(3), Sequence(4)}, {{Term(3), Sequence(3)}}}});
  expect("+OK\r\n");
  client_->send("GET a\r\n");
  expect(
      "-SESSIONLOST a failover of partition 3 took back some of what this connection has seen; it goes on from what "
      "survived\r\n");
  send("GET a\r\n", 1);
  answer(0, found_at(3, 4));
  expect("$1\r\nv\r\n");
}

TEST_F(SessionTest, ASessionGoesOnInAnotherConnection) {
  client_->send("GYRE.SESSION\r\n");
  expect("-ERR this connection keeps no session: GYRE.READ session begins one\r\n");
  client_->send("GYRE.READ session\r\nGYRE.SESSION nonsense\r\n");
  expect("+OK\r\n");
  EXPECT_THAT(client_->receive(5), "-ERR ");
}

TEST_F(SessionTest, ATokenTellsOfAllThatWasAskedForBefore) {
  client_->send("GYRE.READ session\r\n");
  expect("+OK\r\n");
  send("SET a 1\r\nGYRE.SESSION\r\nPING\r\n", 1);
  answer(0, messages::WriteResponse{.outcomes = {{.changed = true}}, .standing = {{Term(1), Sequence(7)}, {}}});
  expect("+OK\r\n$");
  std::string rest;
  while (!rest.ends_with("+PONG\r\n") && rest.size() < 200) rest += client_->receive(1);
  EXPECT_THAT(rest, HasSubstr("gs1."));
  Seen seen;
  seen.on_answer(PartitionId(3), {}, {{Term(1), Sequence(7)}, {}});
  EXPECT_THAT(rest, HasSubstr(seen.token(backend_.map()->cluster))) << "with the write";
}

TEST_F(SessionTest, OfSeveralFailuresALossIsWhatTheClientIsTold) {
  client_->send("GYRE.READ session\r\n");
  expect("+OK\r\n");
  send("MGET a b\r\n", 2);
  answer(0, failed(ErrorCode::session_lost, Outcome::not_applied));
  answer(0, failed(ErrorCode::timeout, Outcome::not_applied));
  expect("-SESSIONLOST the test says so\r\n");
}

// --- Other clients ---

TEST_F(SessionTest, ClientsSeeAndEndEachOther) {
  std::optional<RawClient> other(listener_->address());
  other->send("CLIENT SETNAME other\r\n");
  EXPECT_EQ(other->receive(5), "+OK\r\n");
  const auto entries = server_.all.all();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[1]->line(net::steady_now()), HasSubstr("name=other "));
  EXPECT_THAT(entries[1]->line(net::steady_now()), HasSubstr("cmd=client|setname"));
  client_->send("CLIENT LIST TYPE normal\r\nCLIENT KILL ID 999999\r\nCLIENT KILL TYPE nobody\r\n");
  const std::string lines = entries[0]->line(net::steady_now()) + entries[1]->line(net::steady_now());
  std::string said;
  while (!said.ends_with("'nobody'\r\n") && said.size() < lines.size() + 200) said += client_->receive(1);
  EXPECT_THAT(said, HasSubstr("name=other "));
  EXPECT_THAT(said, HasSubstr(":0\r\n-ERR Unknown client type 'nobody'"));
  client_->send("CLIENT KILL ID " + std::to_string(entries[1]->id()) + "\r\n");
  expect(":1\r\n");
  wait_until([&] { return server_.all.all().size() == 1; });
  client_->send("CLIENT KILL SKIPME no\r\n");
  expect(":1\r\n");
  wait_until([&] { return server_.all.all().empty(); });
}

TEST_F(SessionTest, OthersSeeHowFarATransactionIs) {
  const auto line = [&] { return run_on(loop_, [&] { return server_.all.all().at(0)->line(net::steady_now()); }); };
  const auto none = testing::AllOf(HasSubstr(" flags=N "), HasSubstr(" multi=-1 "));
  client_->send("CLIENT NO-EVICT OFF\r\n");
  expect("+OK\r\n");
  EXPECT_THAT(line(), none);
  const std::map<std::string, std::string> ends = {
      {"DISCARD", "+OK\r\n"},
      {"RESET", "+RESET\r\n"},
      {"EXEC x", "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"}};
  for (const auto& [end, answer] : ends) {
    client_->send("MULTI\r\nGET a\r\nGET a\r\n");
    expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    EXPECT_THAT(line(), testing::AllOf(HasSubstr(" flags=x "), HasSubstr(" multi=2 ")));
    client_->send(end + "\r\n");
    expect(answer);
    EXPECT_THAT(line(), none);
  }
}

TEST_F(SessionTest, SlowCommandsAreLogged) {
  send("GET a\r\n", 1);
  const Instant begun = net::steady_now();
  wait_until([&] { return net::steady_now() - begun > SlowLog::kSlow; });
  answer(0, found("1"));
  expect("$1\r\n1\r\n");
  client_->send("SLOWLOG LEN\r\nSLOWLOG RESET\r\nSLOWLOG LEN\r\nLATENCY LATEST\r\n");
  expect(":1\r\n+OK\r\n:0\r\n*0\r\n");
  client_->send("WAITAOF 1 0 10\r\n");
  EXPECT_THAT(client_->receive(25), StartsWith("-ERR WAITAOF cannot"));
}

// --- DEBUG ---

TEST_F(SessionTest, NobodyBreaksAServerThatMayNotBeBroken) {
  client_->send("DEBUG SLEEP 60\r\n");
  EXPECT_THAT(client_->receive(30), StartsWith("-ERR DEBUG command not allowed"));
}

TEST_F(SessionTest, DebugSleepHoldsTheLoopUp) {
  run_on(loop_, [&] { server_.may_be_broken = true; });
  for (const std::string_view wrong : {"61", "-1", "nan", "inf", "x"}) {
    client_->send(fmt::format("DEBUG SLEEP {}\r\n", wrong));
    expect("-ERR DEBUG SLEEP takes seconds, from 0 to 60\r\n");
  }
  client_->send("DEBUG OBJECT key\r\n");
  expect("-ERR DEBUG knows one subcommand here: DEBUG SLEEP SECONDS\r\n");
  struct Pulse {
    Instant last = net::steady_now();
    Duration longest{0};
  };
  const auto pulse = std::make_shared<Pulse>();
  run_on(loop_, [&] {
    loop_.every(std::chrono::milliseconds(1), [pulse] {
      const Instant now = net::steady_now();
      pulse->longest = std::max(pulse->longest, now - std::exchange(pulse->last, now));
    });
  });
  client_->send("DEBUG SLEEP 0.05\r\n");
  expect("+OK\r\n");
  wait_until([&] { return run_on(loop_, [&] { return pulse->longest >= std::chrono::milliseconds(50); }); });
}

// --- Rate limits ---

TEST_F(SessionTest, WhoRunsTooManyCommandsIsTold) {
  run_on(loop_, [&] { server_.rates.set({.per_second = 0.001, .burst = 2}, {}); });
  send("GET a\r\nGET b\r\nGET c\r\nPING\r\n", 2);
  answer(0, found("1"));
  answer(0, found("2"));
  expect("$1\r\n1\r\n$1\r\n2\r\n-BUSY too many commands a second, retry after ");
  std::string rest;
  while (!rest.ends_with("PONG\r\n") && rest.size() < 40) rest += client_->receive(1);
  EXPECT_THAT(rest, HasSubstr(" ms\r\n+PONG")) << "what is not about keys is free";
  EXPECT_EQ(server_.rates.refused().by_address.value(), 1U);
}

TEST_F(SessionTest, ATransactionOfWhichACommandWasRefusedIsNotRun) {
  run_on(loop_, [&] { server_.rates.set({.per_second = 0.001, .burst = 1}, {}); });
  client_->send("MULTI\r\nSET a 1\r\nSET a 2\r\nEXEC\r\n");
  expect("+OK\r\n+QUEUED\r\n-BUSY too many commands a second, retry after ");
  std::string rest;
  while (!rest.ends_with("errors.\r\n") && rest.size() < 120) rest += client_->receive(1);
  EXPECT_THAT(rest, HasSubstr("-EXECABORT"));
}

}  // namespace
}  // namespace gyre::resp
