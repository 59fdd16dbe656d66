#include "replication/pending_log.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::replication {
namespace {

messages::LoggedWritePtr put(const std::vector<std::string>& keys, std::uint64_t sequence) {
  auto write = std::make_shared<messages::LoggedWrite>();
  write->position = {Term(1), Sequence(sequence)};
  for (const std::string& key : keys) {
    write->mutations.push_back({messages::Mutation::Kind::put, Bytes::copy_of(key), {{}, write->position, kNoExpiry}});
  }
  return write;
}

TEST(PendingLog, FindsTheNewestMutationOfAKey) {
  PendingLog log;
  log.append(put({"a"}, 1));
  log.append(put({"a"}, 2));
  ASSERT_NE(log.find("a"), nullptr);
  EXPECT_EQ(log.find("a")->record.version.sequence, Sequence(2));
  EXPECT_EQ(log.find("b"), nullptr);
}

TEST(PendingLog, OneWriteMayHaveManyMutations) {
  PendingLog log;
  log.append(put({"a", "b"}, 5));
  log.append(put({"c"}, 6));
  EXPECT_EQ(log.after(Sequence(4)).size(), 2u);
  EXPECT_EQ(log.after(Sequence(5)).size(), 1u);
  EXPECT_EQ(log.find("b")->record.version.sequence, Sequence(5));
  log.drop_through(Sequence(5));
  EXPECT_EQ(log.size(), 1u);
  EXPECT_EQ(log.first(), Sequence(6));
  EXPECT_EQ(log.find("b"), nullptr);
}

// Against a plain list that is searched from the back.
RC_GTEST_PROP(PendingLog, AgreesWithAListSearchedFromTheBack, ()) {
  PendingLog log;
  std::vector<std::pair<std::string, std::uint64_t>> model;
  std::uint64_t sequence = 0;
  const int steps = *rc::gen::inRange(1, 60);
  for (int i = 0; i < steps; ++i) {
    const std::string key(1, static_cast<char>('a' + *rc::gen::inRange(0, 4)));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
      case 1:
        log.append(put({key}, ++sequence));
        model.emplace_back(key, sequence);
        break;
      case 2: {
        const auto last = static_cast<std::uint64_t>(*rc::gen::inRange(0, 40));
        if (*rc::gen::arbitrary<bool>()) {
          log.drop_through(Sequence(last));
          std::erase_if(model, [&](const auto& m) { return m.second <= last; });
        } else {
          log.truncate_after(Sequence(last));
          std::erase_if(model, [&](const auto& m) { return m.second > last; });
        }
        break;
      }
      default: {
        const messages::Mutation* found = log.find(key);
        const auto expected = std::find_if(model.rbegin(), model.rend(), [&](const auto& m) { return m.first == key; });
        RC_ASSERT((found == nullptr) == (expected == model.rend()));
        if (found) RC_ASSERT(found->record.version.sequence.value() == expected->second);
      }
    }
    RC_ASSERT(log.size() == model.size());
  }
}

}  // namespace
}  // namespace gyre::replication
