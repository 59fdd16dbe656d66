#include "runtime/request_table.h"

#include <map>
#include <memory>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/ids.h"

namespace gyre::runtime {
namespace {

using Key = Id<struct KeyTag, std::uint64_t>;

TEST(RequestTable, FindsAndTakesWhatWasInserted) {
  RequestTable<Key, std::string> table;
  const Key key = table.insert("open");
  ASSERT_NE(table.find(key), nullptr);
  EXPECT_EQ(*table.find(key), "open");
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(table.take(key), "open");
  EXPECT_EQ(table.size(), 0u);
}

TEST(RequestTable, AKeyThatWasTakenIsStaleAlsoWhenItsSlotIsUsedAgain) {
  RequestTable<Key, int> table;
  const Key old = table.insert(1);
  table.take(old);
  EXPECT_EQ(table.find(old), nullptr);
  EXPECT_FALSE(table.take(old));
  const Key reused = table.insert(2);
  EXPECT_EQ(static_cast<std::uint32_t>(reused.value()), static_cast<std::uint32_t>(old.value()));
  EXPECT_NE(reused, old);
  EXPECT_EQ(table.find(old), nullptr);
  EXPECT_FALSE(table.take(old));
  EXPECT_EQ(*table.find(reused), 2);
}

TEST(RequestTable, KeysItNeverGaveAreUnknown) {
  RequestTable<Key, int> table;
  EXPECT_EQ(table.find(Key(0)), nullptr);
  table.insert(1);
  for (const std::uint64_t key : {0ull, 1ull, (1ull << 32) | 1, ~0ull}) EXPECT_EQ(table.find(Key(key)), nullptr);
}

TEST(RequestTable, TakesValuesThatOnlyMove) {
  RequestTable<Key, std::unique_ptr<int>> table;
  const Key key = table.insert(std::make_unique<int>(3));
  EXPECT_EQ(**table.take(key), 3);
}

RC_GTEST_PROP(RequestTable, BehavesAsAMapWhoseKeysNeverComeBack, ()) {
  RequestTable<Key, int> table;
  std::map<Key, int> model;
  std::vector<Key> given;
  for (const int value : *rc::gen::arbitrary<std::vector<int>>()) {
    if (given.empty() || *rc::gen::arbitrary<bool>()) {
      const Key key = table.insert(value);
      RC_ASSERT(model.emplace(key, value).second);
      given.push_back(key);
    } else {
      const Key key = *rc::gen::elementOf(given);
      const auto found = model.find(key);
      const int* seen = table.find(key);
      RC_ASSERT((seen != nullptr) == (found != model.end()));
      const auto taken = table.take(key);
      RC_ASSERT(taken.has_value() == (found != model.end()));
      if (taken) RC_ASSERT(*taken == found->second);
      if (taken) model.erase(found);
    }
    RC_ASSERT(table.size() == model.size());
  }
}

}  // namespace
}  // namespace gyre::runtime
