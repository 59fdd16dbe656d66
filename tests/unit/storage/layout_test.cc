#include "storage/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace gyre::storage::layout {
namespace {

using namespace std::literals;

messages::Record record(std::string_view value, std::uint64_t term, std::uint64_t sequence, std::int64_t expires_at) {
  return {Bytes::copy_of(value), {Term(term), Sequence(sequence)}, {expires_at}};
}

std::string encode(const messages::Record& of) { return std::string(ValueHeader(of).view()) + of.value.str(); }

std::string mark_of(const messages::LoggedWrite& write, PartitionId partition = PartitionId(5)) {
  std::string mark = "what it held";
  encode_write_mark(partition, write, mark);
  return mark;
}

TEST(Layout, MatchesTheExampleOfTheFormatPage) {
  EXPECT_EQ(key_of(PartitionId(5), "user"), "\x00\x05user"s);
  EXPECT_EQ(encode(record("ann", 2, 300, 1700000000000)),
            "\x02\x01\x02\xAC\x02\x80\xD0\x95\xFF\xBC\x31"
            "ann"s);
  PartitionState state;
  state.position = {Term(2), Sequence(300)};
  state.history = {{Term(1), Sequence(1)}, {Term(2), Sequence(300)}};
  state.served = Term(2);
  state.promised = Term(3);
  state.time = {1600000000000};
  EXPECT_EQ(terms_key(PartitionId(5)), "\xFF\xFF\x00\x05t"s);
  EXPECT_EQ(encode_terms(state), "\x02\x02\x03\x00\x02\x01\x01\x02\xAC\x02"s);
  EXPECT_EQ(position_key(PartitionId(5)), "\xFF\xFF\x00\x05p"s);
  EXPECT_EQ(encode_position(state), "\x02\x02\xAC\x02\x80\x80\xBA\xBB\xC8\x2E"s);

  messages::LoggedWrite write;
  write.position = state.position;
  write.time = state.time;
  EXPECT_EQ(mark_of(write), "\x01\x00\x05\x02\xAC\x02\x80\x80\xBA\xBB\xC8\x2E"s);
  write.id = {ClientId(0x0102030405060708), WriteNumber(9)};
  write.lowest_open = WriteNumber(8);
  write.fingerprint = 0x1112131415161718;
  write.outcomes = {{.version = state.position, .existed = false, .changed = true, .number = 0}};
  EXPECT_EQ(mark_of(write),
            "\x02\x00\x05\x02\xAC\x02\x80\x80\xBA\xBB\xC8\x2E"
            "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x08\x11\x12\x13\x14\x15\x16\x17\x18\x01\x02"s);
  EXPECT_EQ(encode_cut_mark(PartitionId(5), Sequence(300)), "\x03\x00\x05\xAC\x02"s);
  EXPECT_EQ(encode_drop_mark(PartitionId(5)), "\x04\x00\x05"s);
}

TEST(Layout, OrdersKeysByPartitionThenUserKey) {
  EXPECT_LT(key_of(PartitionId(1), "\xFF\xFF"), key_of(PartitionId(2), ""));
  EXPECT_LT(key_of(PartitionId(255), "z"), key_of(PartitionId(256), "a"));
  EXPECT_LT(key_of(PartitionId(limits::kSlots - 1), "\xFF\xFF\xFF"), meta_range().begin);
}

TEST(Layout, RefusesValuesThatAreNoRecords) {
  const std::string whole = encode(record("", 1, 1, 5));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(decode_value(std::string_view(whole).substr(0, size))) << size;
  }
  EXPECT_EQ(decode_value("\x01\x00\x01\x01"sv).error().code, ErrorCode::corrupt);  // another format
  EXPECT_EQ(decode_value("\x02\x02\x01\x01"sv).error().code, ErrorCode::corrupt);  // unknown flag
  EXPECT_EQ(decode_value("\x02\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"sv).error().code, ErrorCode::corrupt);
}

TEST(Layout, RefusesMetaKeysAndValuesItDoesNotKnow) {
  EXPECT_TRUE(decode_meta_key("\xFF\xFF\x00\x05p"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x00\x05x"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x00p"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x40\x00p"sv));  // partition 16384
  StoredPartition stored;
  EXPECT_TRUE(decode_meta(MetaKey::Kind::position, "\x02\x02\x02\x02"sv, stored));
  EXPECT_FALSE(decode_meta(MetaKey::Kind::position, "\x01\x02\x02\x02"sv, stored));  // another format
  EXPECT_FALSE(decode_meta(MetaKey::Kind::position, "\x02\x02\x02"sv, stored));
  EXPECT_FALSE(decode_meta(MetaKey::Kind::position, "\x02\x02\x02\x02\x02"sv, stored));
  EXPECT_FALSE(decode_meta(MetaKey::Kind::terms, "\x02\x02\x02\x02\x7F\x01\x01"sv, stored));  // has less than it says
  EXPECT_FALSE(decode_meta(MetaKey::Kind::window, "\x02\x7F\x01\x01"sv, stored));
}

TEST(Layout, RefusesMarksItDoesNotKnow) {
  EXPECT_TRUE(decode_mark("\x03\x00\x05\x01"sv));
  EXPECT_FALSE(decode_mark("\x03\x00\x05"sv));
  EXPECT_FALSE(decode_mark("\x03\x00\x05\x01\x01"sv));
  EXPECT_FALSE(decode_mark("\x09\x00\x05"sv));
  EXPECT_FALSE(decode_mark("\x04\x40\x00"sv));  // partition 16384
  EXPECT_FALSE(decode_mark("\x04\x00"sv));
  EXPECT_FALSE(decode_mark(""sv));
}

RC_GTEST_PROP(LayoutProperty, ReadsBackEveryRecord,
              (const std::string& value, std::uint64_t term, std::uint64_t sequence, std::int64_t expires_at)) {
  const messages::Record original = record(value, term, sequence, expires_at);
  const std::string stored = encode(original);
  const auto decoded = decode_value(stored);
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->version == original.version);
  RC_ASSERT(decoded->expires_at == original.expires_at);
  RC_ASSERT(decoded->bytes == value);
}

RC_GTEST_PROP(LayoutProperty, ReadsBackEveryState,
              (std::uint64_t number, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& starts)) {
  PartitionState original;
  original.position = {Term(number), Sequence(number)};
  original.served = Term(number / 2);
  original.promised = Term(number / 3);
  original.whole_at = Sequence(~number);
  original.time = {static_cast<std::int64_t>(number / 2)};
  for (const auto& [term, first] : starts) original.history.push_back({Term(term), Sequence(first)});
  StoredPartition decoded;
  RC_ASSERT(decode_meta(MetaKey::Kind::terms, encode_terms(original), decoded).has_value());
  RC_ASSERT(decode_meta(MetaKey::Kind::position, encode_position(original), decoded).has_value());
  RC_ASSERT(decoded.state == original);
}

// Any outcomes of a write at `position`.
std::vector<messages::WriteOutcome> outcomes(Position position) {
  std::vector<messages::WriteOutcome> outcomes(*rc::gen::inRange<std::size_t>(0, 4));
  for (messages::WriteOutcome& outcome : outcomes) {
    outcome = {.version = *rc::gen::arbitrary<bool>() ? position : Position{Term(1), Sequence(2)},
               .existed = *rc::gen::arbitrary<bool>(),
               .changed = *rc::gen::arbitrary<bool>(),
               .number = *rc::gen::arbitrary<std::int64_t>()};
  }
  return outcomes;
}

RC_GTEST_PROP(LayoutProperty, ReadsBackEveryWindow, (std::uint64_t first, std::uint8_t count)) {
  std::vector<messages::WindowWrite> original(count % 5);
  for (messages::WindowWrite& write : original) {
    write.position = {Term(first), Sequence(first / 3)};
    write.id = {ClientId(~first), WriteNumber(first / 2)};
    write.lowest_open = WriteNumber(first / 4);
    write.time = {static_cast<std::int64_t>(first / 2)};
    write.fingerprint = first * 31;
    write.may_repeat = *rc::gen::arbitrary<bool>();
    write.closed = *rc::gen::arbitrary<bool>();
    write.outcomes = outcomes(write.position);
  }
  StoredPartition decoded;
  RC_ASSERT(decode_meta(MetaKey::Kind::window, encode_window(original), decoded).has_value());
  RC_ASSERT(decoded.window == original);
}

// As written before a write could say that it may repeat another.
TEST(Layout, ReadsAWindowWithoutFlags) {
  StoredPartition stored;
  const std::string window =
      "\x02\x01\x02\xAC\x02\x80\x80\xBA\xBB\xC8\x2E"
      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x08\x11\x12\x13\x14\x15\x16\x17\x18\x01\x02"s;
  ASSERT_TRUE(decode_meta(MetaKey::Kind::window, window, stored));
  ASSERT_EQ(stored.window.size(), 1u);
  EXPECT_EQ(stored.window.front().id, (messages::WriteId{ClientId(0x0102030405060708), WriteNumber(9)}));
  EXPECT_EQ(stored.window.front().position, (Position{Term(2), Sequence(300)}));
  EXPECT_FALSE(stored.window.front().may_repeat);
  std::string flagged = window;
  flagged[0] = '\x03';
  flagged.insert(2, 1, '\x01');
  ASSERT_TRUE(decode_meta(MetaKey::Kind::window, flagged, stored));
  EXPECT_TRUE(stored.window.front().may_repeat);
  EXPECT_EQ(encode_window(stored.window), flagged);
  flagged[2] = '\x04';
  EXPECT_FALSE(decode_meta(MetaKey::Kind::window, flagged, stored)) << "a flag that nobody knows";
}

RC_GTEST_PROP(LayoutProperty, ReadsBackEveryMarkOfAWrite, (std::uint64_t number, bool with_id, bool may_repeat)) {
  messages::LoggedWrite original;
  original.position = {Term(number / 5), Sequence(number)};
  original.time = {static_cast<std::int64_t>(number / 2)};
  if (with_id) {
    original.id = {ClientId(number | 1), WriteNumber(number / 3)};
    original.lowest_open = WriteNumber(number / 4);
    original.fingerprint = ~number;
    original.may_repeat = may_repeat;
    original.outcomes = outcomes(original.position);
  }
  const std::string stored = mark_of(original, PartitionId(9));
  const auto mark = decode_mark(stored);
  RC_ASSERT(mark.has_value());
  RC_ASSERT(mark->partition == PartitionId(9));
  const auto identified = may_repeat ? LogMark::Kind::write_that_may_repeat : LogMark::Kind::write_with_id;
  RC_ASSERT(mark->kind == (with_id ? identified : LogMark::Kind::write));
  RC_ASSERT(mark->write.may_repeat == original.may_repeat);
  RC_ASSERT(mark->write.position == original.position);
  RC_ASSERT(mark->write.time == original.time);
  RC_ASSERT(mark->write.id == original.id);
  RC_ASSERT(mark->write.lowest_open == original.lowest_open);
  RC_ASSERT(mark->write.fingerprint == original.fingerprint);
  RC_ASSERT(mark->write.outcomes == original.outcomes);
  for (std::size_t size = 0; size < stored.size(); ++size) {
    RC_ASSERT(!decode_mark(std::string_view(stored).substr(0, size)));
  }
}

RC_GTEST_PROP(LayoutProperty, PutsExactlyTheKeysWithThePrefixIntoItsRange, (std::uint8_t partition)) {
  // Few different bytes, so that prefixes meet and end in the highest byte.
  const auto text = rc::gen::container<std::string>(rc::gen::element('\0', 'a', '\xFE', '\xFF'));
  const std::string prefix = *text;
  const std::string key = *text;
  const PartitionId in(partition);
  const KeyRange range = range_of(in, prefix);
  const auto contains = [&](const std::string& stored) { return range.begin <= stored && stored < range.end; };
  RC_ASSERT(contains(key_of(in, key)) == key.starts_with(prefix));
  RC_ASSERT(!contains(key_of(in.next(), key)));
}

}  // namespace
}  // namespace gyre::storage::layout
