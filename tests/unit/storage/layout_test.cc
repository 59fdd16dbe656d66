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

TEST(Layout, MatchesTheExampleOfTheFormatPage) {
  EXPECT_EQ(key_of(PartitionId(5), "user"), "\x00\x05user"s);
  EXPECT_EQ(encode(record("ann", 2, 300, 1700000000000)),
            "\x01\x01\x02\xAC\x02\x80\xD0\x95\xFF\xBC\x31"
            "ann"s);
  const PartitionState state{{Term(2), Sequence(300)}, {{Term(1), Sequence(1)}, {Term(2), Sequence(300)}}, Term(2)};
  EXPECT_EQ(terms_key(PartitionId(5)), "\xFF\xFF\x00\x05t"s);
  EXPECT_EQ(encode_terms(state), "\x01\x02\x02\x01\x01\x02\xAC\x02"s);
  EXPECT_EQ(position_key(PartitionId(5)), "\xFF\xFF\x00\x05p"s);
  EXPECT_EQ(encode_position(state.position), "\x01\x02\xAC\x02"s);
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
  EXPECT_EQ(decode_value("\x02\x00\x01\x01"sv).error().code, ErrorCode::corrupt);  // another format
  EXPECT_EQ(decode_value("\x01\x02\x01\x01"sv).error().code, ErrorCode::corrupt);  // unknown flag
  EXPECT_EQ(decode_value("\x01\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"sv).error().code, ErrorCode::corrupt);
}

TEST(Layout, RefusesMetaKeysAndValuesItDoesNotKnow) {
  EXPECT_TRUE(decode_meta_key("\xFF\xFF\x00\x05p"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x00\x05x"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x00p"sv));
  EXPECT_FALSE(decode_meta_key("\xFF\xFF\x40\x00p"sv));  // partition 16384
  PartitionState state;
  EXPECT_FALSE(decode_meta(MetaKey::Kind::position, "\x01\x02"sv, state));
  EXPECT_FALSE(decode_meta(MetaKey::Kind::position, "\x01\x02\x02\x02"sv, state));
  EXPECT_FALSE(decode_meta(MetaKey::Kind::terms, "\x01\x02\x7F\x01\x01"sv, state));  // promises more than it has
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
              (std::uint64_t served, const std::vector<std::pair<std::uint64_t, std::uint64_t>>& starts)) {
  PartitionState original{{Term(served), Sequence(served)}, {}, Term(served)};
  for (const auto& [term, first] : starts) original.history.push_back({Term(term), Sequence(first)});
  PartitionState decoded;
  RC_ASSERT(decode_meta(MetaKey::Kind::terms, encode_terms(original), decoded).has_value());
  RC_ASSERT(decode_meta(MetaKey::Kind::position, encode_position(original.position), decoded).has_value());
  RC_ASSERT(decoded == original);
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
