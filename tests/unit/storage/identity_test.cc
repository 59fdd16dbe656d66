#include "storage/identity.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/hash.h"

namespace gyre::storage {
namespace {

Identity example() {
  return {.data_id = Uuid::from_words(1, 2),
          .node = NodeId("n1"),
          .cluster = Uuid::from_words(3, 4),
          .stores = 4,
          .incarnation = Incarnation(7),
          .generation = Generation(2),
          .boot_id = "0f2c-11",
          .stopped_cleanly = true,
          .always_synced = true,
          .lacks_writes = true,
          .map_epoch = Epoch(12)};
}

TEST(Identity, ReadsBackWhatItWrote) {
  const auto decoded = decode_identity(encode(example()));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, example());
}

TEST(Identity, ReadsBackADirectoryThatWasNeverOpenedNorJoined) {
  Identity fresh = example();
  fresh.cluster = {};
  fresh.boot_id = {};
  fresh.stopped_cleanly = false;
  const auto decoded = decode_identity(encode(fresh));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, fresh);
}

TEST(Identity, RefusesOneWithoutAllItsLines) {
  std::string text = encode(example());
  text.resize(text.find("acknowledges "));
  text += fmt::format("checksum {:016x}\n", hash64(text));
  EXPECT_FALSE(decode_identity(text));
}

TEST(Identity, NoticesEveryChangedAndEveryMissingByte) {
  const std::string text = encode(example());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(decode_identity(changed)) << i;
    EXPECT_FALSE(decode_identity(text.substr(0, i))) << i;
  }
  EXPECT_FALSE(decode_identity(text + "x"));
}

}  // namespace
}  // namespace gyre::storage
