#include "node/memory_reserve.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "storage/rocksdb_engine.h"

namespace gyre::node {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kAhead = 8 * kMiB;

bool kernel_populates() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool can = ::madvise(page, 4096, MADV_POPULATE_WRITE) == 0;
  ::munmap(page, 4096);
  return can;
}

// Whether all pages that lie wholly in the block are in memory.
bool is_ready(void* block, std::size_t bytes) {
  char* const begin = static_cast<char*>(block) + (4096 - reinterpret_cast<std::uintptr_t>(block) % 4096) % 4096;
  std::vector<unsigned char> resident((bytes - 4096) / 4096);
  if (::mincore(begin, resident.size() * 4096, resident.data()) != 0) return false;
  return std::ranges::all_of(resident, [](unsigned char page) { return (page & 1) != 0; });
}

class MemoryReserveTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernel_populates()) GTEST_SKIP() << "the kernel is older than 5.14";
    const auto kept = keep_memory_ready();
    ASSERT_TRUE(kept) << kept.error().message;
    wait_until_ready();
  }
  ~MemoryReserveTest() override {
    for (void* block : blocks_) std::free(block);
  }

  static void wait_until_ready() {
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (ready_memory() < kAhead && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    ASSERT_EQ(ready_memory(), kAhead);
  }
  // Kept until the test ends.
  void* allocate(std::size_t bytes) {
    blocks_.push_back(std::malloc(bytes));
    return blocks_.back();
  }

 private:
  std::vector<void*> blocks_;
};

TEST_F(MemoryReserveTest, WhatAnArenaGrowsByWasWrittenToBefore) {
  constexpr std::size_t kBlock = 160 * 1024;  // as large as what frames of a copy are received into
  for (int i = 0; i < 192; ++i) {
    ASSERT_NO_FATAL_FAILURE(wait_until_ready());
    void* const block = allocate(kBlock);
    // At first they come from what the arena had before, or from the one step that may still be larger.
    EXPECT_TRUE(i < 96 || is_ready(block, kBlock)) << i;
    std::memset(block, 1, kBlock);
  }
}

TEST_F(MemoryReserveTest, BlocksOfAMemtableFillHugePages) {
  std::set<std::uintptr_t> pages;
  for (int i = 0; i < 60; ++i) {
    pages.insert(reinterpret_cast<std::uintptr_t>(allocate(storage::kMemtableBlockBytes)) / (2 * kMiB));
  }
  // jemalloc adds 4 KiB to each, so three fill one; of what was free before some took fewer.
  EXPECT_GE(pages.size(), 20u);
  EXPECT_LE(pages.size(), 25u);
}

TEST_F(MemoryReserveTest, LargeBlocksComePastTheReserve) {
  for (const std::size_t bytes : {2 * kMiB, 3 * kMiB, 7 * kMiB, 100 * kMiB}) {
    std::memset(allocate(bytes), 1, bytes);
    EXPECT_EQ(ready_memory(), kAhead) << bytes;
  }
}

TEST_F(MemoryReserveTest, ManyThreadsGrowAtOnce) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kBlock = 100'000;
  std::array<std::thread, kThreads> threads;
  std::array<bool, kThreads> intact{};
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads[t] = std::thread([&intact, t] {
      const auto mark = static_cast<char>(t + 1);
      intact[t] = keep_memory_ready().has_value();
      std::vector<char*> blocks;
      for (int i = 0; i < 200; ++i) {
        blocks.push_back(static_cast<char*>(std::malloc(kBlock)));
        std::memset(blocks.back(), mark, kBlock);
      }
      for (char* block : blocks) {
        intact[t] = intact[t] && std::all_of(block, block + kBlock, [&](char c) { return c == mark; });
        std::free(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool each : intact) EXPECT_TRUE(each);
}

}  // namespace
}  // namespace gyre::node
