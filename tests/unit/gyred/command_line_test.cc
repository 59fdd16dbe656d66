#include "tools/gyred/command_line.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::daemon {
namespace {

using coordinator::CoordinatorOptions;
using node::NodeOptions;
using router::RouterOptions;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "gyred-test-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    dir = pattern;
  }
  ~CommandLineTest() override { std::filesystem::remove_all(dir); }

  Result<Invocation> read(const std::string& line) {
    std::istringstream words(line);
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    return read_command_line(arguments, [this](const char* name) {
      const auto found = environment.find(name);
      return found == environment.end() ? nullptr : found->second.c_str();
    });
  }
  template <class T>
  T good(const std::string& line) {
    auto result = read(line);
    EXPECT_TRUE(result) << result.error().message;
    return std::get<T>(std::move(*result));
  }
  std::string refusal(const std::string& line) {
    const auto result = read(line);
    if (result) return "accepted";
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(result.error().message, Not(HasSubstr("\n")));
    return result.error().message;
  }
  std::string file(const std::string& contents) {
    const auto path = dir / "gyred.toml";
    std::ofstream(path) << contents;
    return path.string();
  }

  std::filesystem::path dir;
  std::map<std::string, std::string> environment;
};

TEST_F(CommandLineTest, DefaultsWorkOnALaptop) {
  const auto node = good<NodeOptions>("node");
  EXPECT_EQ(node.id, "n1");
  EXPECT_EQ(node.data_dir, "./gyre-data/n1");
  EXPECT_EQ(node.stores, 1u);
  EXPECT_EQ(node.durability, node::Durability::everysec);
  const auto coordinator = good<CoordinatorOptions>("coordinator");
  EXPECT_EQ(coordinator.data_dir, "./gyre-data/coordinator");
  EXPECT_EQ(coordinator.shape.partitions, 256u);
  EXPECT_EQ(node.coordinators, std::vector{coordinator.listen});
}

TEST_F(CommandLineTest, FlagsAreTakenInBothForms) {
  const auto node = good<NodeOptions>(
      "node --id n7 --zone=b --weight 2 --coordinator a:1,b:2 --coordinator=c:3 --cache 1GiB --durability always "
      "--loops 4");
  EXPECT_EQ(node.id, "n7");
  EXPECT_EQ(node.zone, "b");
  EXPECT_EQ(node.weight, 2.0);
  EXPECT_EQ(node.coordinators, (std::vector<std::string>{"a:1", "b:2", "c:3"}));
  EXPECT_EQ(node.cache_bytes, std::size_t{1} << 30);
  EXPECT_EQ(node.durability, node::Durability::always);
  EXPECT_EQ(node.stores, 4u) << "as many as loops";
}

TEST_F(CommandLineTest, ToJoinIsToNameTheCoordinator) {
  EXPECT_EQ(good<NodeOptions>("node --join a:1").coordinators, std::vector<std::string>{"a:1"});
  EXPECT_EQ(good<NodeOptions>("node --join=a:1,b:2 --coordinator c:3").coordinators,
            (std::vector<std::string>{"a:1", "b:2", "c:3"}));
  EXPECT_THAT(refusal("node --join nowhere"), HasSubstr("--coordinator: 'nowhere' is no address"));
  EXPECT_THAT(refusal("node --jion a:1"), HasSubstr("did you mean --join?"));
  EXPECT_THAT(good<Print>("node --help").text, HasSubstr("--join"));
}

TEST_F(CommandLineTest, FaultsMayBeInjectedOnlyWhereThatWasAllowed) {
  EXPECT_FALSE(good<NodeOptions>("node").allow_fault_injection);
  EXPECT_FALSE(good<CoordinatorOptions>("coordinator").allow_fault_injection);
  EXPECT_TRUE(good<NodeOptions>("node --allow-fault-injection").allow_fault_injection);
  EXPECT_TRUE(good<CoordinatorOptions>("coordinator --allow-fault-injection").allow_fault_injection);
  environment["GYRE_ALLOW_FAULT_INJECTION"] = "true";
  EXPECT_TRUE(good<NodeOptions>("node").allow_fault_injection);
}

TEST_F(CommandLineTest, FlagGoesBeforeVariableBeforeFileBeforeDefault) {
  const std::string path = file(
      "id = \"of-file\"\nzone = \"of-file\"\nweight = 3\nloops = 2\n"
      "coordinator = [\"a:1\", \"b:2\"]\nallow-remote = true\n");
  environment = {{"GYRE_ID", "of-env"}, {"GYRE_ZONE", "of-env"}, {"GYRE_CACHE", "2MiB"}};
  const auto node = good<NodeOptions>("node --id of-flag --config " + path);
  EXPECT_EQ(node.id, "of-flag");
  EXPECT_EQ(node.zone, "of-env");
  EXPECT_EQ(node.weight, 3.0);
  EXPECT_EQ(node.loops, 2u);
  EXPECT_EQ(node.coordinators, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_TRUE(node.allow_remote);
  EXPECT_EQ(node.cache_bytes, std::size_t{2} << 20);
  EXPECT_EQ(node.memtable_bytes, NodeOptions().memtable_bytes);
}

TEST_F(CommandLineTest, TheFileCanBeNamedByAVariable) {
  environment["GYRE_CONFIG"] = file("rf = 3");
  EXPECT_EQ(good<CoordinatorOptions>("coordinator").shape.replication_factor, 3u);
}

TEST_F(CommandLineTest, WhatIsPrintedAsConfigurationGivesTheSameOptions) {
  const std::string line = "node --id n3 --zone z --weight 0.25 --cache 3MiB --coordinator a:1,b:2 --loops 2";
  const std::string printed = good<Print>(line + " --print-config").text;
  EXPECT_THAT(printed, HasSubstr("weight = 0.25\n"));
  EXPECT_EQ(good<Print>("node --print-config --config " + file(printed)).text, printed);
  const std::string coordinator = good<Print>("coordinator --rf 2 --load-slack 0.1 --print-config").text;
  EXPECT_EQ(good<Print>("coordinator --print-config --config " + file(coordinator)).text, coordinator);
}

TEST_F(CommandLineTest, WrongWordsNameTheNearestRightOne) {
  EXPECT_THAT(refusal("nod"), HasSubstr("did you mean gyred node?"));
  EXPECT_THAT(refusal(""), HasSubstr("name a role"));
  EXPECT_THAT(refusal("node --listn 127.0.0.1:1"), HasSubstr("no option --listn (did you mean --listen?)"));
  EXPECT_THAT(refusal("node --wieght=2"), HasSubstr("did you mean --weight?"));
  EXPECT_THAT(refusal("node extra"), HasSubstr("'extra' is not expected"));
  EXPECT_THAT(refusal("node --durability alway"), HasSubstr("did you mean always?"));
  EXPECT_THAT(refusal("coordinator --partition 8"), HasSubstr("did you mean --partitions?"));
  EXPECT_THAT(refusal("node --log-level inof"), HasSubstr("did you mean info?"));
  EXPECT_THAT(refusal("node --config " + file("wieght = 2")), HasSubstr("line 1: there is no option 'wieght' (did you "
                                                                        "mean weight?)"));
}

TEST_F(CommandLineTest, BadValuesSayWhereTheyAreFrom) {
  EXPECT_THAT(refusal("node --weight -1"), HasSubstr("--weight: '-1' is not a number"));
  environment["GYRE_WEIGHT"] = "heavy";
  EXPECT_THAT(refusal("node"), HasSubstr("GYRE_WEIGHT: 'heavy' is not a number"));
  environment.clear();
  EXPECT_THAT(refusal("node --config " + file("\nloops = \"many\"")), HasSubstr("line 2: loops: 'many' is not"));
  EXPECT_THAT(refusal("node --config " + file("loops = [1, 2]")), HasSubstr("loops takes one value"));
  EXPECT_THAT(refusal("node --config " + file("id = [\"a\", \"b\"]")), HasSubstr("id takes one value"));
  EXPECT_THAT(refusal("node --config " + file("[loops]\nx = 1")), HasSubstr("loops takes one value"));
  EXPECT_THAT(refusal("node --config " + file("loops = = 1")), HasSubstr("line 1"));
  EXPECT_THAT(refusal("node --config /does/not/exist.toml"), HasSubstr("/does/not/exist.toml"));
  EXPECT_THAT(refusal("node --id"), HasSubstr("--id"));
  EXPECT_THAT(refusal("node --id a --id b"), HasSubstr("--id"));
}

TEST_F(CommandLineTest, NothingIsReachableFromElsewhereUnlessAsked) {
  EXPECT_THAT(refusal("node --listen 10.0.0.5:7400"),
              AllOf(HasSubstr("--allow-remote"), HasSubstr("no TLS"), HasSubstr("can read and write")));
  EXPECT_THAT(refusal("node --http 10.0.0.5:7401"), HasSubstr("--http 10.0.0.5:7401"));
  EXPECT_THAT(refusal("coordinator --listen example.org:7300"), HasSubstr("--allow-remote"));
  EXPECT_TRUE(good<NodeOptions>("node --listen 10.0.0.5:7400 --allow-remote").allow_remote);
  EXPECT_TRUE(read("node --listen localhost:7400 --http [::1]:7401"));
}

TEST_F(CommandLineTest, ListeningEverywhereNeedsAnAddressForOthers) {
  EXPECT_THAT(refusal("node --listen 0.0.0.0:7400 --allow-remote"), HasSubstr("--advertise HOST:PORT"));
  EXPECT_TRUE(read("node --listen 0.0.0.0:7400 --allow-remote --advertise db1.example.org:7400"));
  EXPECT_THAT(refusal("node --resp 0.0.0.0:7402 --allow-remote"), HasSubstr("--advertise-resp HOST:PORT"));
  const auto node = good<NodeOptions>("node --resp 0.0.0.0:7402 --allow-remote --advertise-resp db1.example.org:6379");
  EXPECT_EQ(node.advertise_resp, "db1.example.org:6379");
  EXPECT_THAT(refusal("node --advertise 0.0.0.0:7400"), HasSubstr("no address that others can reach"));
  EXPECT_THAT(refusal("node --advertise-resp [0::0]:7402"), HasSubstr("no address that others can reach"));
  EXPECT_THAT(refusal("node --advertise-resp a:1 --config " + file("resp = \"\"")), HasSubstr("give both or neither"));
}

TEST_F(CommandLineTest, ARouterTakesLevelsForThoseWhoSetNone) {
  EXPECT_EQ(good<RouterOptions>("router").read, messages::ReadLevel::primary);
  EXPECT_EQ(good<RouterOptions>("router").ack, messages::kAckOne);
  const auto router = good<RouterOptions>("router --read bounded --read-bound 50ms --ack all --seeds a:1,b:2");
  EXPECT_EQ(router.read, messages::ReadLevel::bounded);
  EXPECT_EQ(router.read_bound, std::chrono::milliseconds(50));
  EXPECT_EQ(router.ack, messages::kAckAll);
  EXPECT_THAT(router.seeds, testing::ElementsAre("a:1", "b:2"));
  EXPECT_THAT(refusal("router --ack 9"), HasSubstr("--ack"));
  EXPECT_THAT(refusal("router --resp 0.0.0.0:6379"), HasSubstr("--allow-remote"));
  EXPECT_THAT(refusal("router --deadline 0ms"), HasSubstr("--deadline"));
}

TEST_F(CommandLineTest, PartitionsMustBeAPowerOfTwo) {
  EXPECT_THAT(refusal("coordinator --partitions 100"),
              HasSubstr("--partitions 100 is no power of two: the nearest is 128"));
  EXPECT_THAT(refusal("coordinator --partitions 16383"), HasSubstr("the nearest is 16384"));
  EXPECT_THAT(refusal("coordinator --partitions 5"), HasSubstr("the nearest is 4"));
  EXPECT_EQ(good<CoordinatorOptions>("coordinator --partitions 16384").shape.partitions, 16384u);
}

TEST_F(CommandLineTest, HelpTeachesWithDefaultsAndExamples) {
  const std::string main_help = good<Print>("--help").text;
  EXPECT_THAT(main_help, AllOf(HasSubstr("coordinator"), HasSubstr("Exit codes"), HasSubstr("router")));
  const std::string node_help = good<Print>("node --help").text;
  EXPECT_THAT(node_help, AllOf(HasSubstr("[128MiB]"), HasSubstr("[127.0.0.1:7400]"), HasSubstr("os|everysec|always"),
                               HasSubstr("as --listen"), HasSubstr("Examples:"), HasSubstr("GYRE_LOG_LEVEL")));
  EXPECT_THAT(good<Print>("--version").text, HasSubstr("gyred "));
}

}  // namespace
}  // namespace gyre::daemon
