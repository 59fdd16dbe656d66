// `gyre cluster ...` by itself: what it starts, shows and stops, and what it says to bad input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/sandbox.h"

namespace gyre::integration {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::set<std::string> names_of(const Json& object) {
  std::set<std::string> names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

// A TCP listener of this process, to be in the way.
class Squatter {
 public:
  explicit Squatter(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;  // connections of a cluster before may still linger there
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
  }
  ~Squatter() { ::close(fd_); }
  Squatter(const Squatter&) = delete;
  Squatter& operator=(const Squatter&) = delete;

 private:
  int fd_;
};

TEST(LocalCluster, StatusAndPartitionsDescribeAClusterThatIsUp) {
  Sandbox sandbox;
  const auto up = sandbox.up({"--nodes", "3", "--zones", "a,b", "--json"});
  ASSERT_EQ(up.status, 0) << up.err;
  EXPECT_EQ(up.json()["processes"].size(), 4u);
  EXPECT_EQ(up.json()["seeds"].size(), 3u);

  const Json status = sandbox.status();
  EXPECT_EQ(names_of(status), (std::set<std::string>{"cluster", "processes", "partition_groups"}));
  const Json& cluster = status["cluster"];
  EXPECT_EQ(names_of(cluster),
            (std::set<std::string>{"id", "epoch", "partitions", "replication_factor", "nodes_up", "nodes_total",
                                   "without_primary", "under_replicated", "not_serving"}));
  EXPECT_EQ(cluster["id"].get<std::string>().size(), 32u);
  EXPECT_GT(cluster["epoch"], 0);
  EXPECT_EQ(cluster["partitions"], 32);
  EXPECT_EQ(cluster["replication_factor"], 3) << "as many as nodes, at most 3";
  EXPECT_EQ(cluster["nodes_up"], 3);
  EXPECT_EQ(cluster["nodes_total"], 3);
  EXPECT_EQ(cluster["without_primary"], 0);
  EXPECT_EQ(cluster["under_replicated"], 0);
  EXPECT_EQ(cluster["not_serving"], 0);

  ASSERT_EQ(status["processes"].size(), 4u);
  int primaries = 0;
  for (const auto& process : status["processes"]) {
    EXPECT_EQ(names_of(process),
              (std::set<std::string>{"role", "id", "pid", "state", "native", "http", "resp", "zone", "weight",
                                     "membership", "primaries", "replicas", "learners", "lag_ms", "faults"}));
    EXPECT_EQ(process["state"], "up");
    EXPECT_GT(process["pid"], 1);
    EXPECT_EQ(process["resp"].is_null(), process["role"] != "node");
    EXPECT_EQ(process["learners"], 0);
    const int held = process["primaries"].get<int>() + process["replicas"].get<int>();
    EXPECT_EQ(held, process["role"] == "node" ? 32 : 0);
    primaries += process["primaries"].get<int>();
  }
  EXPECT_EQ(primaries, 32);
  EXPECT_EQ(sandbox.process("n1")["zone"], "a");
  EXPECT_EQ(sandbox.process("n2")["zone"], "b");
  EXPECT_EQ(sandbox.process("n3")["zone"], "a");

  std::set<int> grouped;
  for (const auto& group : status["partition_groups"]) {
    EXPECT_EQ(names_of(group), (std::set<std::string>{"partitions", "state", "primary", "why", "term_low", "term_high",
                                                      "in_sync", "learners", "lag_ms", "lease_left_ms"}));
    EXPECT_EQ(group["state"], "serves") << group;
    EXPECT_EQ(group["in_sync"].size(), 3u);
    EXPECT_EQ(group["in_sync"][0], group["primary"]);
    EXPECT_GT(group["lease_left_ms"], 0);
    for (const auto& partition : group["partitions"]) grouped.insert(partition.get<int>());
  }
  EXPECT_EQ(grouped.size(), 32u);

  const Json partitions = sandbox.partitions();
  ASSERT_EQ(partitions.size(), 32u);
  int next_slot = 0;
  for (const auto& partition : partitions) {
    EXPECT_EQ(names_of(partition),
              (std::set<std::string>{"partition", "first_slot", "last_slot", "term", "primary", "serving", "why",
                                     "position", "in_sync", "replicas", "learners", "members"}));
    EXPECT_EQ(partition["first_slot"], next_slot);
    next_slot = partition["last_slot"].get<int>() + 1;
    EXPECT_GE(partition["term"], 1);
    EXPECT_THAT(partition["in_sync"], ::testing::Contains(partition["primary"]));
    EXPECT_EQ(partition["in_sync"].size(), 3u);
    EXPECT_TRUE(partition["serving"]) << partition;
    ASSERT_EQ(partition["members"].size(), 2u);
    for (const auto& member : partition["members"]) {
      EXPECT_EQ(names_of(member),
                (std::set<std::string>{"node", "acknowledged", "behind", "lag_ms", "lease_left_ms", "counted"}));
      EXPECT_TRUE(member["counted"]);
      EXPECT_GT(member["lease_left_ms"], 0);
    }
  }
  EXPECT_EQ(next_slot, 16384);

  const auto table = sandbox.gyre({"cluster", "status"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("3 of 3 nodes up"), HasSubstr("n3"), Not(HasSubstr("\x1b["))));
  EXPECT_THAT(table.out,
              AllOf(HasSubstr("n1 serves, term "), HasSubstr(", in sync n1,n2,n3, lag "), HasSubstr(" s left")));
}

TEST(LocalCluster, StatusBySeedsKnowsNoProcessIds) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  const std::string seed = sandbox.process("n1")["native"];
  const auto status = sandbox.gyre_anywhere({"cluster", "status", "--json", "--seeds", seed}).json();
  EXPECT_EQ(status["cluster"]["nodes_up"], 2);
  EXPECT_EQ(status["cluster"]["without_primary"], 0);
  ASSERT_EQ(status["processes"].size(), 3u);
  for (const auto& process : status["processes"]) {
    EXPECT_TRUE(process["pid"].is_null());
    EXPECT_EQ(process["state"], "up") << process;
  }
}

TEST(LocalCluster, UpTwiceIsHarmlessAndKeepsTheProcesses) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  const auto pid = sandbox.process("n1")["pid"];
  const auto again = sandbox.gyre({"cluster", "up", "--json"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(again.json()["processes"][1]["result"], "already_running");
  EXPECT_EQ(sandbox.process("n1")["pid"], pid);
}

TEST(LocalCluster, UpRefusesFlagsThatContradictTheCluster) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "1"}).status, 0);
  for (const Words& flags : {Words{"--nodes", "2"}, Words{"--partitions", "64"}, Words{"--rf", "2"},
                             Words{"--durability", "always"}, Words{"--zones", "x"}}) {
    Words words{"cluster", "up"};
    words.insert(words.end(), flags.begin(), flags.end());
    const auto refused = sandbox.gyre(words);
    EXPECT_EQ(refused.status, 2) << flags[0];
    EXPECT_THAT(refused.err, AllOf(HasSubstr(flags[0]), HasSubstr("leave the flag away")));
  }
}

TEST(LocalCluster, UpRefusesValuesOutOfRange) {
  Sandbox sandbox;
  for (const Words& flags :
       {Words{"--nodes", "0"}, Words{"--nodes", "100000"}, Words{"--nodes", "-1"}, Words{"--nodes", "many"},
        Words{"--rf", "0"}, Words{"--rf", "8"}, Words{"--partitions", "100"}, Words{"--partitions", "0"},
        Words{"--base-port", "80"}, Words{"--base-port", "65530"}, Words{"--durability", "never"}}) {
    Words words{"cluster", "up"};
    words.insert(words.end(), flags.begin(), flags.end());
    const auto refused = sandbox.gyre(words);
    EXPECT_EQ(refused.status, 2) << flags[0] << ' ' << flags[1];
    EXPECT_THAT(refused.err, HasSubstr(flags[0]));
    EXPECT_FALSE(std::filesystem::exists(sandbox.cluster_dir()));
  }
}

TEST(LocalCluster, UpNamesThePortInUseAndItsOwnerAndLeavesNothing) {
  Sandbox sandbox;
  const std::uint16_t base = Sandbox::free_ports(100);
  const Squatter squatter(static_cast<std::uint16_t>(base + 20));  // the second node's
  const auto refused = sandbox.gyre({"cluster", "up", "--base-port", std::to_string(base)});
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("n2"), HasSubstr(std::to_string(base + 20)),
                                 HasSubstr("pid " + std::to_string(::getpid())), HasSubstr("--base-port")));
  EXPECT_FALSE(std::filesystem::exists(sandbox.cluster_dir()));
}

TEST(LocalCluster, UpThatFailsShowsTheLogAndLeavesNothing) {
  Sandbox sandbox;
  const auto failing = sandbox.write_file("gyred", "#!/bin/sh\necho broken on purpose\nexit 7\n");
  std::filesystem::permissions(failing, std::filesystem::perms::owner_all);
  ::setenv("GYRED", failing.c_str(), 1);
  const auto base = std::to_string(Sandbox::free_ports(100));
  const auto refused = sandbox.gyre({"cluster", "up", "--base-port", base});
  ::unsetenv("GYRED");
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("broken on purpose"), HasSubstr("with status 7")));
  EXPECT_FALSE(std::filesystem::exists(sandbox.cluster_dir()));
}

TEST(LocalCluster, CommandsSayThatThereIsNoClusterInADirectory) {
  Sandbox sandbox;
  for (const Words& words : {Words{"cluster", "status"}, Words{"cluster", "partitions"}, Words{"cluster", "down"},
                             Words{"cluster", "down", "--wipe"}, Words{"cluster", "stop", "n1"},
                             Words{"cluster", "logs", "n1"}, Words{"cluster", "add-node"}}) {
    const auto refused = sandbox.gyre(words);
    EXPECT_EQ(refused.status, 3) << words[1];
    EXPECT_THAT(refused.err, AllOf(HasSubstr("does not exist"), HasSubstr("gyre cluster up"))) << words[1];
  }
}

TEST(LocalCluster, WipeAndUpRefuseADirectoryThatIsNoCluster) {
  Sandbox sandbox;
  std::filesystem::create_directories(sandbox.cluster_dir());
  std::ofstream(sandbox.cluster_dir() / "thesis.txt") << "years of work";
  EXPECT_EQ(sandbox.gyre({"cluster", "down", "--wipe"}).status, 3);
  const auto up = sandbox.up();
  EXPECT_EQ(up.status, 2);
  EXPECT_THAT(up.err, HasSubstr("not empty and not a Gyre cluster directory"));
  EXPECT_EQ(sandbox.read_file(sandbox.cluster_dir() / "thesis.txt"), "years of work");
}

TEST(LocalCluster, ADamagedLayoutIsExplained) {
  Sandbox sandbox;
  std::filesystem::create_directories(sandbox.cluster_dir());
  for (const char* content : {"", "{", "[]", "{\"format\":1}", "{\"format\":\"one\"}", "{\"format\":99}"}) {
    std::ofstream(sandbox.cluster_dir() / "cluster.json") << content;
    const auto refused = sandbox.gyre({"cluster", "status"});
    EXPECT_EQ(refused.status, 3) << content;
    EXPECT_THAT(refused.err, HasSubstr("cluster.json")) << content;
  }
}

TEST(LocalCluster, DownStopsAlsoPausedProcessesAndWipeDeletes) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  ASSERT_EQ(sandbox.gyre({"cluster", "pause", "n1"}).status, 0);
  EXPECT_EQ(sandbox.process("n1")["state"], "paused");
  const auto down = sandbox.gyre({"cluster", "down", "--json"});
  ASSERT_EQ(down.status, 0) << down.err;
  for (const auto& process : down.json()) EXPECT_EQ(process["result"], "stopped") << process;

  const auto status = sandbox.gyre({"cluster", "status", "--json"});
  EXPECT_EQ(status.status, 3);
  EXPECT_EQ(status.json()["cluster"]["nodes_up"], 0);
  EXPECT_EQ(status.json()["cluster"]["without_primary"], 32);
  EXPECT_EQ(status.json()["processes"][0]["state"], "down");

  EXPECT_EQ(sandbox.gyre({"cluster", "down", "--wipe"}).status, 0);
  EXPECT_FALSE(std::filesystem::exists(sandbox.cluster_dir()));
}

TEST(LocalCluster, AnUnknownProcessNamesTheNearest) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  const auto refused = sandbox.gyre({"cluster", "stop", "n22"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("did you mean 'n2'?"));
  EXPECT_EQ(sandbox.gyre({"cluster", "stop"}).status, 2);
  EXPECT_EQ(sandbox.gyre({"cluster", "stop", "n1", "--all"}).status, 2);
  EXPECT_EQ(sandbox.process("n1")["state"], "up");
}

TEST(LocalCluster, StopStartRestartAndTheirRepetitions) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  EXPECT_THAT(sandbox.gyre({"cluster", "stop", "n2"}).out, HasSubstr("n2: stopped"));
  EXPECT_EQ(sandbox.process("n2")["state"], "down");
  EXPECT_THAT(sandbox.gyre({"cluster", "stop", "n2"}).out, HasSubstr("was down"));
  EXPECT_THAT(sandbox.gyre({"cluster", "kill", "n2"}).out, HasSubstr("was down"));
  EXPECT_EQ(sandbox.gyre({"cluster", "pause", "n2"}).status, 1);
  EXPECT_EQ(sandbox.gyre({"cluster", "start", "n2"}).status, 0);
  EXPECT_EQ(sandbox.process("n2")["state"], "up");
  EXPECT_THAT(sandbox.gyre({"cluster", "start", "n2"}).out, HasSubstr("was running"));
  const auto pid = sandbox.process("n2")["pid"];
  EXPECT_EQ(sandbox.gyre({"cluster", "restart", "n2"}).status, 0);
  EXPECT_EQ(sandbox.process("n2")["state"], "up");
  EXPECT_NE(sandbox.process("n2")["pid"], pid);
  EXPECT_EQ(sandbox.gyre({"cluster", "restart", "--all"}).status, 0);
  EXPECT_EQ(sandbox.status()["cluster"]["nodes_up"], 2);
}

TEST(LocalCluster, APidFileOfAnotherProcessIsNeverFollowed) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "1"}).status, 0);
  const auto pid_file = sandbox.cluster_dir() / "n1" / "pid";
  const std::string real = sandbox.read_file(pid_file);
  const std::string rest = real.substr(real.find(' '));
  ASSERT_EQ(sandbox.gyre({"cluster", "stop", "n1"}).status, 0);
  // As if our own pid had been the node's: it is alive, but it did not start at that moment.
  std::ofstream(pid_file) << ::getpid() << rest;
  EXPECT_EQ(sandbox.process("n1")["state"], "down");
  EXPECT_THAT(sandbox.gyre({"cluster", "kill", "n1"}).out, HasSubstr("was down"));
  std::ofstream(pid_file) << "rubbish";
  const auto start = sandbox.gyre({"cluster", "start", "n1"});
  EXPECT_EQ(start.status, 0) << start.err;
  EXPECT_THAT(start.err, HasSubstr("had ended by itself"));
}

TEST(LocalCluster, AddNodeJoinsAndStaysAfterDownAndUp) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "1"}).status, 0);
  const auto added = sandbox.gyre({"cluster", "add-node", "--zone", "z", "--weight", "2.5"});
  ASSERT_EQ(added.status, 0) << added.err;
  EXPECT_THAT(added.out, HasSubstr("n2"));
  EXPECT_EQ(sandbox.process("n2")["zone"], "z");
  EXPECT_EQ(sandbox.process("n2")["weight"], 2.5);
  EXPECT_EQ(sandbox.gyre({"cluster", "add-node", "--weight", "0"}).status, 2);
  ASSERT_EQ(sandbox.gyre({"cluster", "down"}).status, 0);
  EXPECT_EQ(sandbox.gyre({"cluster", "add-node"}).status, 3);
  ASSERT_EQ(sandbox.gyre({"cluster", "up"}).status, 0);
  EXPECT_EQ(sandbox.status()["cluster"]["nodes_up"], 2);
}

TEST(LocalCluster, LogsShowTheEndAsLinesOrJson) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "1"}).status, 0);
  const auto text = sandbox.gyre({"cluster", "logs", "n1", "-n", "1"});
  EXPECT_EQ(text.status, 0);
  EXPECT_EQ(std::ranges::count(text.out, '\n'), 1);
  EXPECT_EQ(sandbox.gyre({"cluster", "logs", "n1", "-n", "-1"}).status, 2);
  const auto json = sandbox.gyre({"cluster", "logs", "c1", "-n", "1", "--json"}).json();
  EXPECT_EQ(json["id"], "c1");
  EXPECT_TRUE(json["line"].is_string());
}

TEST(LocalCluster, EveryProcessAnswersItsAdminEndpoints) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "2"}).status, 0);
  const auto status = sandbox.status();
  for (const auto& process : status["processes"]) {
    const std::string http = process["http"];
    EXPECT_EQ(http_get(http, "/healthz").status, 200) << process;
    EXPECT_EQ(http_get(http, "/readyz").status, 200) << process;
    const auto metrics = http_get(http, "/metrics");
    EXPECT_EQ(metrics.status, 200);
    EXPECT_THAT(metrics.body, HasSubstr("# TYPE gyre_"));
    const auto map = http_get(http, "/map");
    EXPECT_EQ(map.status, 200);
    EXPECT_FALSE(Json::parse(map.body, nullptr, false).is_discarded());
    EXPECT_EQ(http_get(http, "/no-such-page").status, 404);
  }
}

TEST(LocalCluster, AClusterIsFoundWithoutFlagsByTheOneStartedLast) {
  Sandbox sandbox;
  ASSERT_EQ(sandbox.up({"--nodes", "1"}).status, 0);
  const auto put = sandbox.gyre_anywhere({"put", "k", "v"});
  EXPECT_EQ(put.status, 0) << put.err;
  EXPECT_EQ(sandbox.gyre_anywhere({"get", "k"}).out, "v");
  EXPECT_EQ(sandbox.gyre_anywhere({"cluster", "status", "--json"}).json()["cluster"]["nodes_up"], 1);
}

}  // namespace
}  // namespace gyre::integration
