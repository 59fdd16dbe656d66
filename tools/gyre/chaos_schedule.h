// What `gyre chaos run` breaks, and when: drawn from a seed. Pure: the same setup, the same acts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gyre/result.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

enum class ChaosKind : std::uint8_t {
  kill,  // a node, with SIGKILL; started again
  pause,  // a node, with SIGSTOP; resumed
  partition,  // two processes hear nothing of each other
  one_way,  // one process does not hear another
  slow,  // all that a node exchanges is late
  drop,  // a part of what two processes exchange is lost
  kill_coordinator,  // with SIGKILL; started again
};
std::string_view to_string(ChaosKind kind);
// True if it needs processes that were started with --allow-fault-injection.
bool is_network_fault(ChaosKind kind);
// Names of all kinds, as a list for help: "kill, pause, ...".
std::string chaos_kind_names();
// ERRORS: invalid_argument (names those there are).
Result<std::vector<ChaosKind>> parse_chaos_kinds(std::string_view list);

// One fault: it begins, holds, and ends before the next one begins.
struct ChaosAct {
  std::chrono::milliseconds at{0};  // since the run began
  std::chrono::milliseconds until{0};
  ChaosKind kind = ChaosKind::kill;
  std::string process;
  std::string other;  // of faults between two
  std::chrono::milliseconds delay{0};  // of slow
  double rate = 0;  // of drop

  bool operator==(const ChaosAct&) const = default;
};

struct ChaosSetup {
  std::vector<ChaosKind> kinds;
  std::chrono::milliseconds every{10'000};
  std::chrono::milliseconds duration{300'000};
  std::uint64_t seed = 0;
  std::vector<std::string> nodes;
  std::vector<std::string> coordinators;
};

// One act in each stretch of `every`, from the beginning on, over before `duration`.
// ERRORS: invalid_argument (times out of range, or a kind that so few processes do not allow).
Result<std::vector<ChaosAct>> chaos_schedule(const ChaosSetup& setup);

// "pause n2 for 4.1 s", "cut n1 from n3 for 2.0 s"; and what ends it: "resume n2".
std::string begin_text(const ChaosAct& act);
std::string end_text(const ChaosAct& act);
Json act_json(const ChaosAct& act);

}  // namespace gyre::cli
