#include "redis/command_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gyre::redis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Views = std::vector<std::string_view>;

Reply resolved(const Views& views) {
  const auto command = resolve(Arguments(views));
  return command ? Reply::simple((*command)->name) : command.error();
}

Views keys(const Views& views) {
  const Arguments arguments(views);
  return keys_of(**resolve(arguments), arguments);
}

TEST(CommandTable, FindsEachCommandInAnyCase) {
  for (const Command& command : commands()) {
    std::string upper(command.name);
    std::ranges::transform(upper, upper.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(find_command(command.name), &command);
    EXPECT_EQ(find_command(upper), &command);
  }
  EXPECT_EQ(find_command(""), nullptr);
  EXPECT_EQ(find_command("ge"), nullptr);
  EXPECT_EQ(find_command("gett"), nullptr);
  EXPECT_EQ(find_command(std::string(1000, 'a')), nullptr);
}

TEST(CommandTable, EveryRowMakesSense) {
  constexpr std::array<std::string_view, 6> kOfAllKeys = {"dbsize", "flushall", "flushdb", "keys", "randomkey", "scan"};
  for (const Command& command : commands()) {
    EXPECT_NE(command.arity, 0) << command.name;
    EXPECT_FALSE(command.is(kReadonly) && command.is(kWrite)) << command.name;
    const bool of_all_keys = std::ranges::find(kOfAllKeys, command.name) != kOfAllKeys.end();
    EXPECT_TRUE(command.summary.ends_with('.')) << command.name;
    if (command.group == Group::transactions) continue;
    EXPECT_EQ(command.keys.first > 0 || of_all_keys, command.is(kReadonly) || command.is(kWrite)) << command.name;
    EXPECT_TRUE(command.plan != nullptr || command.keys.first == 0) << command.name;
  }
}

TEST(CommandTable, RefusesInTheWordsOfRedis) {
  EXPECT_EQ(resolved({"GET", "k"}), Reply::simple("get"));
  EXPECT_EQ(resolved({"object", "Freq", "k"}), Reply::simple("object|freq"));
  EXPECT_EQ(resolved({"GET"}), Reply::error("ERR wrong number of arguments for 'get' command"));
  EXPECT_EQ(resolved({"foo"}), Reply::error("ERR unknown command 'foo', with args beginning with: "));
  EXPECT_EQ(resolved({"Foo", "bar", "baz"}),
            Reply::error("ERR unknown command 'Foo', with args beginning with: 'bar' 'baz' "));
  EXPECT_EQ(resolved({"object|freq", "k"}),
            Reply::error("ERR unknown command 'object|freq', with args beginning with: 'k' "));
  EXPECT_EQ(resolved({"object", "x"}), Reply::error("ERR unknown subcommand 'x'. Try OBJECT HELP."));
  const std::string_view cut("a\0b", 3);
  EXPECT_EQ(resolved({cut, cut}), Reply::error("ERR unknown command 'a', with args beginning with: 'a' "));
  const std::string large(10'000, 'x');
  EXPECT_LT(resolved({large, large, large}).bytes.size(), 400U);
}

TEST(CommandTable, KnowsTheKeys) {
  EXPECT_THAT(keys({"GET", "k"}), ElementsAre("k"));
  EXPECT_THAT(keys({"DEL", "a", "b", "c"}), ElementsAre("a", "b", "c"));
  EXPECT_THAT(keys({"MSET", "a", "1", "b", "2"}), ElementsAre("a", "b"));
  EXPECT_THAT(keys({"COPY", "a", "b", "REPLACE"}), ElementsAre("a", "b"));
  EXPECT_THAT(keys({"OBJECT", "ENCODING", "k"}), ElementsAre("k"));
  EXPECT_THAT(keys({"COMMAND", "COUNT"}), IsEmpty());
}

TEST(CommandTable, AllKeysAreOfOneSlot) {
  const auto slot = [](const Views& views) {
    const Arguments arguments(views);
    return slot_of_keys(**resolve(arguments), arguments);
  };
  EXPECT_EQ(slot({"GET", "foo"}), Slot(12182));
  EXPECT_EQ(slot({"MGET", "{foo}a", "foo", "{foo}b"}), Slot(12182));
  EXPECT_EQ(slot({"MSET", "{foo}a", "foo", "{foo}b", "bar"}), Slot(12182));
  EXPECT_EQ(slot({"MGET", "foo", "bar"}).error(),
            Reply::error("CROSSSLOT Keys in request don't hash to the same slot"));
  EXPECT_EQ(slot({"COMMAND"}), std::nullopt);
}

TEST(CommandInfo, IsThatOfRedis) {
  Store store;
  EXPECT_EQ(store.resp3("COMMAND INFO get nope"),
            "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
            "~3\r\n+@read\r\n+@string\r\n+@fast\r\n~0\r\n~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n+access\r\n"
            "$12\r\nbegin_search\r\n%2\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n%1\r\n$5\r\nindex\r\n:1\r\n"
            "$9\r\nfind_keys\r\n%2\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n%3\r\n$7\r\nlastkey\r\n:0\r\n"
            "$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n~0\r\n_\r\n");
  EXPECT_THAT(store.resp2("COMMAND INFO object|freq"),
              HasSubstr("*10\r\n$11\r\nobject|freq\r\n:3\r\n*1\r\n+readonly\r\n:2\r\n:2\r\n:1\r\n"
                        "*3\r\n+@keyspace\r\n+@read\r\n+@slow\r\n"));
  EXPECT_THAT(store.resp2("COMMAND"), HasSubstr("$6\r\nrename\r\n:3\r\n*1\r\n+write\r\n:1\r\n:2\r\n:1\r\n"));
}

TEST(CommandInfo, DocsAndCounts) {
  Store store;
  EXPECT_EQ(
      store.resp3("COMMAND DOCS touch nope"),
      "%1\r\n$5\r\ntouch\r\n%3\r\n$7\r\nsummary\r\n$53\r\nCounts those of the keys that exist, as uses of them.\r\n"
      "$5\r\nsince\r\n$5\r\n3.2.1\r\n$5\r\ngroup\r\n$7\r\ngeneric\r\n");
  EXPECT_THAT(store.resp2("COMMAND DOCS object"), HasSubstr("subcommands\r\n*10\r\n$15\r\nobject|encoding\r\n*6\r\n"));
  EXPECT_EQ(store.resp2("COMMAND COUNT").substr(0, 1), ":");
}

TEST(CommandInfo, GetsKeys) {
  Store store;
  EXPECT_EQ(store.resp2("COMMAND GETKEYS mset a 1 b 2"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(store.resp2("COMMAND GETKEYS object encoding k"), "*1\r\n$1\r\nk\r\n");
  EXPECT_EQ(store.resp2("COMMAND GETKEYS get"), "-ERR wrong number of arguments for 'command|getkeys' command\r\n");
  EXPECT_EQ(store.resp2("COMMAND GETKEYS nope a"), "-ERR Invalid command specified\r\n");
  EXPECT_EQ(store.resp2("COMMAND GETKEYS command count"), "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(store.resp2("COMMAND GETKEYS get a b"), "-ERR Invalid number of arguments specified for command\r\n");
  EXPECT_EQ(store.resp2("COMMAND nope"), "-ERR unknown subcommand 'nope'. Try COMMAND HELP.\r\n");
}

}  // namespace
}  // namespace gyre::redis
