#include "storage/ledger.h"

#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/assert.h"
#include "base/limits.h"
#include "storage/files.h"
#include "tests/storage_support.h"

namespace gyre::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr PartitionId kLedgerPartition{3};

messages::LostWrite lost_write(std::uint64_t sequence, std::string_view value = "v") {
  const Position position{Term(2), Sequence(sequence)};
  return {.partition = kLedgerPartition,
          .position = position,
          .time = {1'700'000'000'000},
          .id = {ClientId(77), WriteNumber(sequence)},
          .mutations = {{messages::Mutation::Kind::put,
                         Bytes::copy_of("k" + std::to_string(sequence)),
                         {Bytes::copy_of(value), position, {99}}},
                        {messages::Mutation::Kind::del, Bytes::literal("gone"), {{}, position, kNoExpiry}}}};
}

messages::LostRange lost_range(std::uint64_t first, std::uint64_t last) {
  return {
      .partition = kLedgerPartition, .term = Term(2), .first = Sequence(first), .last = Sequence(last), .why = "gone"};
}

enum class Kind { memory, file };

class LedgerTest : public testing::TestWithParam<Kind> {
 protected:
  LedgerTest() { open(); }

  void open() {
    if (GetParam() == Kind::memory) {
      if (!ledger_) ledger_ = make_memory_ledger();
      return;
    }
    ledger_.reset();
    auto opened = open_ledger(directory_.path());
    GYRE_ASSERT(opened.has_value());
    ledger_ = std::move(*opened);
  }

  void append(std::vector<messages::Loss> losses, std::int64_t now = 5) { ASSERT_TRUE(ledger_->append(losses, {now})); }

  messages::LostResponse page(std::uint64_t after = 0, std::size_t items_max = 1000) {
    auto page = ledger_->page(after, items_max);
    EXPECT_TRUE(page.has_value());
    return page ? std::move(*page) : messages::LostResponse{};
  }

  // "2:7" for a write, "2:7-9" for a range, each with '*' where it is marked as reapplied.
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const messages::LostResponse all = page();
    for (const messages::LostItem& item : all.items) {
      if (const auto* range = std::get_if<messages::LostRange>(&item.loss)) {
        names.push_back(std::to_string(range->first.value()) + "-" + std::to_string(range->last.value()));
      } else {
        const auto& write = std::get<messages::LostWrite>(item.loss);
        names.push_back(std::to_string(write.position.sequence.value()) + (write.reapplied ? "*" : ""));
      }
    }
    return names;
  }

  testing_support::TemporaryDirectory directory_;
  std::unique_ptr<Ledger> ledger_;
};

TEST_P(LedgerTest, GivesBackWhatWasAdded) {
  append({lost_write(7), lost_range(8, 9)}, 1234);
  open();
  const messages::LostResponse all = page();
  ASSERT_EQ(all.items.size(), 2u);
  EXPECT_FALSE(all.more);
  EXPECT_EQ(all.items[0].id, 1u);
  EXPECT_EQ(all.items[0].recorded, UnixMillis{1234});
  const auto& write = std::get<messages::LostWrite>(all.items[0].loss);
  const messages::LostWrite expected = lost_write(7);
  EXPECT_EQ(write.partition, expected.partition);
  EXPECT_EQ(write.position, expected.position);
  EXPECT_EQ(write.time, expected.time);
  EXPECT_EQ(write.id, expected.id);
  EXPECT_FALSE(write.reapplied);
  ASSERT_EQ(write.mutations.size(), 2u);
  EXPECT_EQ(write.mutations[0].key, Bytes::literal("k7"));
  EXPECT_EQ(write.mutations[0].record.value, Bytes::literal("v"));
  EXPECT_EQ(write.mutations[0].record.version, expected.position);
  EXPECT_EQ(write.mutations[0].record.expires_at, UnixMillis{99});
  EXPECT_EQ(write.mutations[1].kind, messages::Mutation::Kind::del);
  EXPECT_EQ(all.items[1].id, 2u);
  EXPECT_EQ(std::get<messages::LostRange>(all.items[1].loss), lost_range(8, 9));
}

// Also where nobody knows how far it goes.
TEST_P(LedgerTest, ARangeThatBeginsWithAKnownWriteIsAnotherEntry) {
  append({lost_write(7), lost_range(7, 0), lost_range(7, 7)});
  open();
  append({lost_range(7, 0)});
  EXPECT_EQ(names(), (std::vector<std::string>{"7", "7-0", "7-7"}));
}

TEST_P(LedgerTest, HoldsOneEntryForOneWriteWhoeverBringsIt) {
  append({lost_write(7), lost_write(7), lost_range(8, 9)});
  append({lost_write(6), lost_write(7), lost_range(8, 9), lost_range(8, 10)});
  open();
  append({lost_write(6)});
  EXPECT_THAT(names(), ElementsAre("7", "8-9", "6", "8-10"));
}

TEST_P(LedgerTest, MarksWhatARetryHasBroughtBack) {
  append({lost_write(7), lost_write(8), lost_write(9)});
  const messages::Retried retries[] = {{{ClientId(77), WriteNumber(8)}, Term(3)},
                                       {{ClientId(77), WriteNumber(9)}, Term(2)},  // that write itself
                                       {{ClientId(78), WriteNumber(7)}, Term(3)}};
  ASSERT_TRUE(ledger_->mark_reapplied(kLedgerPartition, retries));
  ASSERT_TRUE(ledger_->mark_reapplied(PartitionId(4), retries));
  EXPECT_THAT(names(), ElementsAre("7", "8*", "9"));
  open();
  append({lost_write(10)});
  EXPECT_THAT(names(), ElementsAre("7", "8*", "9", "10"));
}

TEST_P(LedgerTest, NamesWhatARetryMayStillBringBack) {
  append({lost_write(7), lost_write(8), lost_write(9), lost_range(10, 12)});
  const messages::Retried eight{{ClientId(77), WriteNumber(8)}, Term(3)};
  ASSERT_TRUE(ledger_->mark_reapplied(kLedgerPartition, {&eight, 1}));
  const UnixMillis time = lost_write(7).time;
  for (int opened = 0; opened < 2; ++opened, open()) {
    const auto lost = ledger_->lost_ids();
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_THAT(lost.at(kLedgerPartition),
                ElementsAre(messages::LostId{{ClientId(77), WriteNumber(7)}, Term(2), time},
                            messages::LostId{{ClientId(77), WriteNumber(9)}, Term(2), time}));
  }
}

TEST_P(LedgerTest, GivesPageAfterPage) {
  append({lost_write(1), lost_write(2), lost_write(3)});
  const messages::LostResponse first = page(0, 2);
  ASSERT_EQ(first.items.size(), 2u);
  EXPECT_TRUE(first.more);
  const messages::LostResponse second = page(first.items.back().id, 2);
  ASSERT_EQ(second.items.size(), 1u);
  EXPECT_EQ(second.items[0].id, 3u);
  EXPECT_FALSE(second.more);
  EXPECT_TRUE(page(3).items.empty());
  EXPECT_TRUE(page(99).items.empty());
  EXPECT_TRUE(page(std::numeric_limits<std::uint64_t>::max()).items.empty());
}

INSTANTIATE_TEST_SUITE_P(Ledgers, LedgerTest, testing::Values(Kind::memory, Kind::file),
                         [](const auto& kind) { return kind.param == Kind::memory ? "Memory" : "File"; });

class FileLedgerTest : public testing::Test {
 protected:
  Result<std::unique_ptr<Ledger>> open() { return open_ledger(directory_.path()); }
  void append(std::vector<messages::Loss> losses) {
    const auto ledger = open();
    ASSERT_TRUE(ledger) << ledger.error().message;
    ASSERT_TRUE((*ledger)->append(losses, {1}));
  }
  std::string contents() { return **read_file(path_); }
  void replace(const std::string& contents) { ASSERT_TRUE(write_file(path_, contents)); }
  std::vector<std::uint64_t> sequences() {
    const auto ledger = open();
    EXPECT_TRUE(ledger) << ledger.error().message;
    std::vector<std::uint64_t> sequences;
    const auto page = (*ledger)->page(0, 1000);
    for (const messages::LostItem& item : page->items) {
      sequences.push_back(std::get<messages::LostWrite>(item.loss).position.sequence.value());
    }
    return sequences;
  }

  testing_support::TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_.path() / "ledger";
};

TEST_F(FileLedgerTest, CutsOffWhatACrashLeftUnfinished) {
  append({lost_write(1)});
  const std::size_t first = contents().size();
  append({lost_write(2), lost_write(3)});
  const std::string whole = contents();
  for (std::size_t size = first; size < whole.size(); size += 7) {
    replace(whole.substr(0, size));
    const std::vector<std::uint64_t> kept = sequences();
    ASSERT_GE(kept.size(), 1u) << size;
    ASSERT_LE(kept.size(), 2u) << size;
    append({lost_write(4)});
    EXPECT_EQ(sequences().size(), kept.size() + 1) << size;
  }
}

TEST_F(FileLedgerTest, TakesALastAppendWithAHoleForUnfinished) {
  append({lost_write(1)});
  const std::size_t first = contents().size();
  append({lost_write(2), lost_write(3), lost_write(4)});
  std::string torn = contents();
  std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(first), 40, '\0');  // a page that never reached the disk
  replace(torn);
  EXPECT_THAT(sequences(), ElementsAre(1));
  EXPECT_EQ(contents().size(), first);
}

TEST_F(FileLedgerTest, RefusesDamageBeforeALaterAppendAndSaysWhere) {
  append({lost_write(1)});
  const std::size_t first = contents().size();
  append({lost_write(2)});
  append({lost_write(3)});
  std::string damaged = contents();
  damaged[first + 40] = static_cast<char>(damaged[first + 40] ^ 1);
  replace(damaged);
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt);
  EXPECT_THAT(refused.error().message, HasSubstr(path_.string()));
  EXPECT_THAT(refused.error().message, HasSubstr("byte " + std::to_string(first)));
  EXPECT_EQ(contents(), damaged);
}

TEST_F(FileLedgerTest, NoticesDamageThatComesWhileItIsOpen) {
  append({lost_write(1)});
  const auto ledger = open();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(50);
  file.put('\xFF');
  file.flush();
  EXPECT_EQ((*ledger)->page(0, 10).error().code, ErrorCode::corrupt);
}

TEST_F(FileLedgerTest, RefusesOtherFilesAndOtherFormats) {
  replace("gyre ledger 2\n");
  EXPECT_EQ(open().error().code, ErrorCode::unsupported);
  replace("something else");
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
  replace("");
  EXPECT_EQ(open().error().code, ErrorCode::corrupt);
}

TEST_F(FileLedgerTest, BoundsAPageByItsBytes) {
  const std::string large(limits::kScanBytesMax / 2 + 1, 'x');
  append({lost_write(1, large), lost_write(2, large), lost_write(3, large)});
  const auto ledger = open();
  const auto page = (*ledger)->page(0, 1000);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->items.size(), 1u);
  EXPECT_TRUE(page->more);
}

TEST_F(FileLedgerTest, SaysWhereItCannotWrite) {
  const auto refused = open_ledger("/proc/gyre-test");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::storage_failed);
}

}  // namespace
}  // namespace gyre::storage
