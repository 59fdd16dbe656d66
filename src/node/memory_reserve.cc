#include "node/memory_reserve.h"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include <fmt/format.h>
#include <jemalloc/jemalloc.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

// Null in a program without jemalloc.
#pragma weak mallctl

namespace gyre::node {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// More than loops use while one is made ready.
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

// One stretch of addresses, as large as the machine's memory, handed out from its beginning. What is not ready yet is
// inaccessible: so no limit on data or commitments counts it, and no core file has it.
class MemoryReserve {
 public:
  // The one of the process, as its allocator is; never destroyed, for arenas grow until the process is gone.
  static MemoryReserve& instance() {
    static MemoryReserve& only = *new MemoryReserve;
    return only;
  }

  Result<void> adopt_arena_of_this_thread() {
    GYRE_TRY(ready_to_serve_);
    unsigned arena = 0;
    // In steps of a page from now on, but for the next one: larger ones would outrun the reserve.
    if (get_option("thread.arena", arena) && set_option(fmt::format("arena.{}.retain_grow_limit", arena), kHugePage) &&
        set_option(fmt::format("arena.{}.extent_hooks", arena), static_cast<extent_hooks_t*>(&hooks_))) {
      return {};
    }
    return fail(ErrorCode::unsupported, "jemalloc does not let its arenas be extended");
  }

  std::size_t ready() const {
    const std::uint32_t taken = taken_.load();
    return (ready_.load() - taken) * kHugePage;
  }

 private:
  struct Hooks : extent_hooks_t {
    MemoryReserve* reserve = nullptr;
  };

  MemoryReserve() : ready_to_serve_(open()) {}

  Result<void> open() {
    GYRE_TRY(look_at_allocator());
    GYRE_TRY(map_area());
    static_cast<extent_hooks_t&>(hooks_) = *original_;
    hooks_.reserve = this;
    hooks_.alloc = [](extent_hooks_t* hooks, void* wanted_at, std::size_t bytes, std::size_t alignment, bool* zero,
                      bool* commit, unsigned arena) {
      return static_cast<Hooks*>(hooks)->reserve->alloc(wanted_at, bytes, alignment, zero, commit, arena);
    };
    // Arenas keep what they were given.
    hooks_.dalloc = nullptr;
    hooks_.destroy = nullptr;
    try {
      std::thread([this] { stay_ahead(); }).detach();
    } catch (const std::system_error& error) {
      ::munmap(area_, std::size_t{pages_} * kHugePage);
      ready_.store(0);
      return fail(ErrorCode::unsupported, fmt::format("no thread can be started for it: {}", error.what()));
    }
    return {};
  }

  Result<void> look_at_allocator() {
    if (mallctl == nullptr) return fail(ErrorCode::unsupported, "the allocator is not jemalloc");
    bool retains = false;
    const char* huge_pages = nullptr;
    if (!get_option("opt.retain", retains) || !get_option("opt.thp", huge_pages) ||
        !get_option("arena.0.extent_hooks", original_)) {
      return fail(ErrorCode::unsupported, "jemalloc is not of version 5");
    }
    if (!retains) return fail(ErrorCode::unsupported, "MALLOC_CONF has jemalloc return memory (retain:false)");
    const std::string_view wanted = huge_pages;
    if (wanted == "always") advice_ = MADV_HUGEPAGE;
    if (wanted == "never") advice_ = MADV_NOHUGEPAGE;
    return {};
  }

  // The first page is made ready at once: it shows that the kernel can.
  Result<void> map_area() {
    rlimit addresses{};
    if (::getrlimit(RLIMIT_AS, &addresses) != 0 || addresses.rlim_cur != RLIM_INFINITY) {
      return fail(ErrorCode::unsupported, "the process's address space is limited (ulimit -v)");
    }
    const std::size_t memory =
        static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    pages_ = static_cast<std::uint32_t>(memory / kHugePage);
    const std::size_t bytes = std::size_t{pages_} * kHugePage;
    void* const mapped =
        ::mmap(nullptr, bytes + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return fail(ErrorCode::unsupported, "the kernel refuses the addresses");
    const std::size_t before = (kHugePage - reinterpret_cast<std::uintptr_t>(mapped) % kHugePage) % kHugePage;
    area_ = static_cast<char*>(mapped) + before;
    if (before > 0) ::munmap(mapped, before);
    ::munmap(area_ + bytes, kHugePage - before);
    if (advice_) ::madvise(area_, bytes, *advice_);
    const Result<void> first = make_next_ready();
    if (!first) ::munmap(area_, bytes);
    return first;
  }

  // Where memory is short, the page counts as ready all the same: who first writes to it waits, as for any other.
  // ERRORS: unsupported (the kernel is too old), busy (it lets nobody have more at the moment).
  Result<void> make_next_ready() {
    const std::uint32_t page = ready_.load();
    char* const begin = area_ + page * kHugePage;
    if (::mprotect(begin, kHugePage, PROT_READ | PROT_WRITE) != 0) {
      return fail(ErrorCode::busy, fmt::format("the kernel grants no more memory (error {})", errno));
    }
    if (::madvise(begin, kHugePage, MADV_POPULATE_WRITE) != 0 && errno == EINVAL) {
      return fail(ErrorCode::unsupported, "the kernel cannot populate memory (Linux 5.14 can)");
    }
    ready_.store(page + 1);
    return {};
  }

  // Until the area is used up, or the kernel refuses: arenas then grow as they would without it.
  void stay_ahead() {
    pthread_setname_np(pthread_self(), "memory");
    while (ready_.load() < pages_) {
      const std::uint32_t taken = taken_.load();
      if (ready_.load() - taken >= kPagesAhead) {
        taken_.wait(taken);
      } else if (const auto made = make_next_ready(); !made) {
        return spdlog::warn("loops wait for memory from now on: {}; start the node anew once there is some",
                            made.error().message);
      }
    }
  }

  // The arena is locked meanwhile: allocates nothing, waits for nothing.
  void* alloc(void* wanted_at, std::size_t bytes, std::size_t alignment, bool* zero, bool* commit, unsigned arena) {
    char* const page = wanted_at == nullptr && bytes == kHugePage && alignment <= kHugePage ? take() : nullptr;
    if (page == nullptr) return original_->alloc(original_, wanted_at, bytes, alignment, zero, commit, arena);
    *zero = true;
    *commit = true;
    return page;
  }

  // Null: none is ready.
  char* take() {
    std::uint32_t taken = taken_.load();
    do {
      if (taken == ready_.load()) return nullptr;
    } while (!taken_.compare_exchange_weak(taken, taken + 1));
    taken_.notify_one();
    return area_ + taken * kHugePage;
  }

  extent_hooks_t* original_ = nullptr;
  Hooks hooks_;
  std::optional<int> advice_;  // on huge pages; none: the system's own way
  char* area_ = nullptr;
  std::uint32_t pages_ = 0;  // of the area; those from taken_ to ready_ are ready
  std::atomic<std::uint32_t> taken_{0};
  std::atomic<std::uint32_t> ready_{0};
  const Result<void> ready_to_serve_;  // last: it needs all others
};

}  // namespace

Result<void> keep_memory_ready() { return MemoryReserve::instance().adopt_arena_of_this_thread(); }

std::size_t ready_memory() { return MemoryReserve::instance().ready(); }

}  // namespace gyre::node
