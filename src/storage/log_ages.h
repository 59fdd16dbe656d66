// Since when the files of a store's log are complete, by a clock that nobody sets. Internal to this folder; must not
// know RocksDB.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/time.h"

namespace gyre::storage {

// How old a write in the log is cannot be told from the times in it, nor from those of its files: they are of wall
// clocks, which may be set at any moment. CLOCK_BOOTTIME is set by nobody, and is the same for all processes of a boot.
//
// INVARIANT: both numbers and instants of notes_ grow.
class LogAges {
 public:
  // Nobody asks for ages beyond `life`.
  explicit LogAges(Duration life) : life_(life) {}

  // All files up to `number` are complete: nothing will be added to them. False: that is known already.
  bool note(std::uint64_t number, Instant now);
  // All that is in this file, and in those before, was surely written `life` ago or earlier. 0: of none it is known.
  std::uint64_t old_through(Instant now) const;

  // Lines that people can read, and a checksum. `boot`: of the kernel whose clock it is.
  std::string encode(std::string_view boot) const;
  // Takes what another process of the same boot has noted; anything else says nothing. REQUIRES: nothing was noted yet.
  void recall(std::string_view text, std::string_view boot);

 private:
  struct Note {
    std::uint64_t number = 0;
    Instant at;
  };

  Duration life_;
  std::deque<Note> notes_;  // of those that are old only the newest
};

}  // namespace gyre::storage
