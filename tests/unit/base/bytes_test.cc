#include "base/bytes.h"

#include <cstring>

#include <gtest/gtest.h>

namespace gyre {
namespace {

// A buffer that holds `text`, with one reference.
Buffer* buffer_of(std::string_view text) {
  Buffer* buffer = Buffer::create(text.size());
  std::memcpy(buffer->data(), text.data(), text.size());
  return buffer;
}

TEST(Bytes, EmptyOnesOwnNothing) {
  const Bytes bytes;
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes, Bytes::copy_of(""));
  EXPECT_TRUE(bytes.slice(bytes.view()).empty());
}

TEST(Bytes, CopiesShareTheirMemory) {
  const Bytes bytes = Bytes::copy_of("hello");
  const Bytes copy = bytes;
  EXPECT_EQ(copy.data(), bytes.data());
  EXPECT_EQ(copy.view(), "hello");
}

TEST(Bytes, ASliceOutlivesTheWhole) {
  Bytes slice;
  {
    const Bytes whole = Bytes::copy_of("hello world");
    slice = whole.slice(whole.view().substr(6));
  }
  EXPECT_EQ(slice.str(), "world");
}

TEST(Bytes, ABufferIsUniqueAgainOnceItsSlicesAreGone) {
  Buffer* buffer = buffer_of("abcdef");
  EXPECT_TRUE(buffer->unique());
  {
    const Bytes slice = Bytes::share(buffer, {buffer->data(), 3});
    EXPECT_FALSE(buffer->unique());
    const Bytes part = slice.slice(slice.view().substr(1, 1));
    EXPECT_EQ(part.view(), "b");
  }
  EXPECT_TRUE(buffer->unique());
  buffer->release();
}

TEST(Bytes, AdoptTakesTheCallersReference) {
  Buffer* buffer = buffer_of("abc");
  const Bytes bytes = Bytes::adopt(buffer, {buffer->data(), 3});
  EXPECT_TRUE(buffer->unique());
  EXPECT_EQ(bytes.view(), "abc");
}

TEST(Bytes, MovingAndAssigningKeepTheCount) {
  Buffer* buffer = buffer_of("abc");
  Bytes a = Bytes::share(buffer, {buffer->data(), 3});
  Bytes b = std::move(a);
  EXPECT_EQ(b.view(), "abc");
  b = Bytes::literal("other");
  EXPECT_TRUE(buffer->unique());
  Bytes& self = b;
  b = self;
  EXPECT_EQ(b.view(), "other");
  buffer->release();
}

TEST(Bytes, CompareByContent) {
  EXPECT_EQ(Bytes::copy_of("a"), Bytes::literal("a"));
  EXPECT_LT(Bytes::copy_of("a"), Bytes::copy_of("ab"));
  EXPECT_LT(Bytes::copy_of("ab"), Bytes::copy_of("\xff"));  // bytes are unsigned
}

TEST(BytesDeathTest, ASliceFromElsewhereIsABug) {
  const Bytes bytes = Bytes::copy_of("abc");
  EXPECT_DEATH((void)bytes.slice("elsewhere"), "part");
}

}  // namespace
}  // namespace gyre
