#include "node/memory_reserve.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

// Null in a program without jemalloc.
#pragma weak mallctl

namespace gyre::node {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// More than an event loop uses while a page is made ready.
constexpr std::uint32_t kPagesAhead = 4;

template <class T>
bool get_option(const char* name, T& value) {
  std::size_t bytes = sizeof value;
  return mallctl(name, &value, &bytes, nullptr, 0) == 0;
}

template <class T>
bool set_option(const std::string& name, T value) {
  return mallctl(name.c_str(), nullptr, nullptr, &value, sizeof value) == 0;
}

// One stretch of addresses, as large as the machine's memory, handed out from its beginning. The allocator keeps for
// good what it was given.
class MemoryReserve {
 public:
  // Never destroyed: arenas grow until the process is gone.
  static MemoryReserve& instance() {
    static MemoryReserve& only = *new MemoryReserve;
    return only;
  }

  bool adopt_arena_of_this_thread() {
    unsigned arena = 0;
    if (area_ == nullptr || !get_option("thread.arena", arena)) return false;
    // In steps of a page, for larger ones could outrun the reserve.
    return set_option(fmt::format("arena.{}.retain_grow_limit", arena), kHugePage) &&
           set_option(fmt::format("arena.{}.extent_hooks", arena), static_cast<extent_hooks_t*>(&hooks_));
  }

  std::size_t ready() const { return (ready_.load() - taken_.load()) * kHugePage; }

 private:
  struct Hooks : extent_hooks_t {
    MemoryReserve* reserve = nullptr;
  };

  MemoryReserve() {
    if (!allocator_is_as_known() || !map_area()) return;
    static_cast<extent_hooks_t&>(hooks_) = *original_;
    hooks_.reserve = this;
    hooks_.alloc = [](extent_hooks_t* hooks, void* wanted_at, std::size_t bytes, std::size_t alignment, bool* zero,
                      bool* commit, unsigned arena) {
      return static_cast<Hooks*>(hooks)->reserve->alloc(wanted_at, bytes, alignment, zero, commit, arena);
    };
    try {
      std::thread([this] { stay_ahead(); }).detach();
    } catch (const std::system_error&) {  // no more threads
      ::munmap(area_, std::size_t{pages_} * kHugePage);
      area_ = nullptr;
    }
  }

  bool allocator_is_as_known() {
    bool retains = false;
    const char* huge_pages = nullptr;
    if (mallctl == nullptr || !get_option("opt.retain", retains) || !retains) return false;
    if (!get_option("opt.thp", huge_pages) || !get_option("arena.0.extent_hooks", original_)) return false;
    huge_pages_ = std::strcmp(huge_pages, "always") == 0;
    return true;
  }

  // The first page is made ready at once: it shows that the kernel can.
  bool map_area() {
    pages_ = static_cast<std::uint32_t>(static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) *
                                        static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / kHugePage);
    const std::size_t bytes = (std::size_t{pages_} + 1) * kHugePage;
    void* const mapped =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return false;
    const std::size_t unaligned = reinterpret_cast<std::uintptr_t>(mapped) % kHugePage;
    const std::size_t before = unaligned == 0 ? 0 : kHugePage - unaligned;
    area_ = static_cast<char*>(mapped) + before;
    if (before > 0) ::munmap(mapped, before);
    ::munmap(area_ + std::size_t{pages_} * kHugePage, kHugePage - before);
    if (huge_pages_) ::madvise(area_, std::size_t{pages_} * kHugePage, MADV_HUGEPAGE);
    if (make_next_ready()) return true;
    ::munmap(area_, std::size_t{pages_} * kHugePage);
    area_ = nullptr;
    return false;
  }

  // False: the kernel does not know how. Where there is no memory now, whoever first writes to the page waits for it,
  // as for any other.
  bool make_next_ready() {
    const std::uint32_t page = ready_.load();
    const int status = ::madvise(area_ + page * kHugePage, kHugePage, MADV_POPULATE_WRITE);
    if (status != 0 && errno == EINVAL) return false;
    ready_.store(page + 1);
    return true;
  }

  void stay_ahead() {
    pthread_setname_np(pthread_self(), "memory");
    while (ready_.load() < pages_) {
      const std::uint32_t taken = taken_.load();
      if (ready_.load() - taken >= kPagesAhead) {
        taken_.wait(taken);
      } else {
        make_next_ready();
      }
    }
  }

  // An arena is locked meanwhile: allocates nothing, waits for nothing.
  void* alloc(void* wanted_at, std::size_t bytes, std::size_t alignment, bool* zero, bool* commit, unsigned arena) {
    const std::size_t pages = bytes / kHugePage;
    if (wanted_at != nullptr || bytes % kHugePage != 0 || alignment > kHugePage || pages > kPagesAhead) {
      return original_->alloc(original_, wanted_at, bytes, alignment, zero, commit, arena);
    }
    std::uint32_t taken = taken_.load();
    do {
      if (pages > ready_.load() - taken) {
        return original_->alloc(original_, wanted_at, bytes, alignment, zero, commit, arena);
      }
    } while (!taken_.compare_exchange_weak(taken, taken + static_cast<std::uint32_t>(pages)));
    taken_.notify_one();
    *zero = true;
    *commit = true;
    return area_ + taken * kHugePage;
  }

  extent_hooks_t* original_ = nullptr;
  Hooks hooks_;
  bool huge_pages_ = false;
  char* area_ = nullptr;  // null: there is no reserve
  std::uint32_t pages_ = 0;  // of the area; those from taken_ to ready_ are ready
  std::atomic<std::uint32_t> taken_{0};
  std::atomic<std::uint32_t> ready_{0};
};

}  // namespace

bool keep_memory_ready() { return MemoryReserve::instance().adopt_arena_of_this_thread(); }

std::size_t ready_memory() { return MemoryReserve::instance().ready(); }

}  // namespace gyre::node
