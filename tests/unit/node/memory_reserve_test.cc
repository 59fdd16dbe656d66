#include "node/memory_reserve.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace gyre::node {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

long faults_of_this_thread() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt;
}

// The thread that makes it ready needs no help; ctest ends a test that waits for ever.
void wait_until_ready(std::size_t bytes) {
  while (ready_memory() < bytes) std::this_thread::yield();
}

// Blocks as those that frames are received into: allocated, written to, kept.
class Blocks {
 public:
  ~Blocks() {
    for (void* block : all_) std::free(block);
  }
  void add(std::size_t bytes) {
    constexpr std::size_t kBlock = 160 * 1024;
    for (std::size_t done = 0; done < bytes; done += kBlock) {
      all_.push_back(std::malloc(kBlock));
      std::memset(all_.back(), 1, kBlock);
    }
  }

 private:
  std::vector<void*> all_;
};

class MemoryReserveTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!keep_memory_ready()) GTEST_SKIP() << "the kernel is older than 5.14, or has no address space to spare";
  }
};

TEST_F(MemoryReserveTest, WhoGrowsWaitsForNoPage) {
  Blocks blocks;
  blocks.add(3 * kMiB);  // what the arena had before
  wait_until_ready(8 * kMiB);
  const long before = faults_of_this_thread();
  for (int i = 0; i < 16; ++i) {
    blocks.add(2 * kMiB);
    wait_until_ready(8 * kMiB);
  }
  // Of pages of 4 KiB it would be 8192. Some go to what the allocator itself notes.
  EXPECT_LT(faults_of_this_thread() - before, 200);
}

TEST_F(MemoryReserveTest, ALargeBlockComesPastTheReserve) {
  wait_until_ready(8 * kMiB);
  Blocks blocks;
  void* const large = std::malloc(100 * kMiB);
  ASSERT_NE(large, nullptr);
  std::memset(large, 1, 100 * kMiB);
  blocks.add(2 * kMiB);
  std::free(large);
}

TEST_F(MemoryReserveTest, ManyThreadsGrowAtOnce) {
  constexpr std::size_t kThreads = 4;
  std::array<std::thread, kThreads> threads;
  std::array<bool, kThreads> intact{};
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads[t] = std::thread([&intact, t] {
      keep_memory_ready();
      std::vector<char*> blocks;
      for (int i = 0; i < 200; ++i) {
        blocks.push_back(static_cast<char*>(std::malloc(100'000)));
        std::memset(blocks.back(), static_cast<int>(t + 1), 100'000);
      }
      intact[t] = true;
      for (char* block : blocks) {
        for (std::size_t at = 0; at < 100'000; at += 1000)
          intact[t] = intact[t] && block[at] == static_cast<char>(t + 1);
        std::free(block);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const bool each : intact) EXPECT_TRUE(each);
}

}  // namespace
}  // namespace gyre::node
