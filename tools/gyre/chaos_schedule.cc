#include "tools/gyre/chaos_schedule.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"
#include "base/rng.h"
#include "tools/gyre/parse.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::array kChaosKinds = {std::pair{ChaosKind::kill, std::string_view("kill")},
                                    std::pair{ChaosKind::pause, std::string_view("pause")},
                                    std::pair{ChaosKind::partition, std::string_view("partition")},
                                    std::pair{ChaosKind::one_way, std::string_view("one_way")},
                                    std::pair{ChaosKind::slow, std::string_view("slow")},
                                    std::pair{ChaosKind::drop, std::string_view("drop")},
                                    std::pair{ChaosKind::kill_coordinator, std::string_view("kill_coordinator")}};

constexpr auto kEveryMin = 500ms;
constexpr std::int64_t kDelayMsMin = 20;
constexpr std::int64_t kDelayMsMax = 250;
constexpr std::int64_t kLostPercentMin = 5;
constexpr std::int64_t kLostPercentMax = 40;

bool between_two(ChaosKind kind) {
  return kind == ChaosKind::partition || kind == ChaosKind::one_way || kind == ChaosKind::drop;
}

Result<void> check(const ChaosSetup& setup) {
  if (setup.kinds.empty()) return fail(ErrorCode::invalid_argument, "--faults names none");
  if (setup.every < kEveryMin) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("--every {} ms is too short: {} ms is the least", setup.every.count(), kEveryMin.count()));
  }
  if (setup.duration < setup.every) {
    return fail(ErrorCode::invalid_argument, "--for is shorter than --every: nothing would be broken");
  }
  if (setup.nodes.empty()) return fail(ErrorCode::invalid_argument, "the cluster has no nodes to break");
  for (const ChaosKind kind : setup.kinds) {
    const bool lonely = between_two(kind) && setup.nodes.size() + setup.coordinators.size() < 2;
    if (lonely || (kind == ChaosKind::kill_coordinator && setup.coordinators.empty())) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("the cluster has too few processes for the fault {}", to_string(kind)));
    }
  }
  return {};
}

const std::string& draw(Rng& rng, const std::vector<std::string>& names) { return names[rng.below(names.size())]; }

std::string seconds_text(std::chrono::milliseconds time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000);
}

std::string effect_of(const ChaosAct& act) {
  switch (act.kind) {
    case ChaosKind::kill:
    case ChaosKind::kill_coordinator: return fmt::format("kill {}", act.process);
    case ChaosKind::pause: return fmt::format("pause {}", act.process);
    case ChaosKind::partition: return fmt::format("cut {} and {} apart", act.process, act.other);
    case ChaosKind::one_way: return fmt::format("let {} hear nothing of {}", act.other, act.process);
    case ChaosKind::slow: return fmt::format("slow {} by {} ms", act.process, act.delay.count());
    case ChaosKind::drop: return fmt::format("lose {:.0f}% between {} and {}", act.rate * 100, act.process, act.other);
  }
  GYRE_ASSERT(false);
  return {};
}

}  // namespace

std::string_view to_string(ChaosKind kind) {
  return std::ranges::find(kChaosKinds, kind, [](const auto& known) { return known.first; })->second;
}

bool is_network_fault(ChaosKind kind) { return between_two(kind) || kind == ChaosKind::slow; }

std::string chaos_kind_names() {
  std::vector<std::string_view> names;
  for (const auto& [kind, name] : kChaosKinds) names.push_back(name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<std::vector<ChaosKind>> parse_chaos_kinds(std::string_view list) {
  std::vector<ChaosKind> kinds;
  for (const std::string& name : split_list(list)) {
    const auto known = std::ranges::find(kChaosKinds, name, [](const auto& k) { return k.second; });
    if (known == kChaosKinds.end()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no fault: there are {}", name.substr(0, 40), chaos_kind_names()));
    }
    kinds.push_back(known->first);
  }
  if (kinds.empty()) return fail(ErrorCode::invalid_argument, "--faults names none");
  return kinds;
}

Result<std::vector<ChaosAct>> chaos_schedule(const ChaosSetup& setup) {
  GYRE_TRY(check(setup));
  Rng rng(setup.seed);
  std::vector<std::string> all = setup.nodes;
  all.insert(all.end(), setup.coordinators.begin(), setup.coordinators.end());
  std::vector<ChaosAct> acts;
  for (auto at = 0ms; at + setup.every <= setup.duration; at += setup.every) {
    ChaosAct act;
    act.at = at;
    // The rest of the stretch is for healing.
    act.until = at + std::chrono::milliseconds(rng.between(setup.every.count() / 4, setup.every.count() * 3 / 4));
    act.kind = setup.kinds[rng.below(setup.kinds.size())];
    act.process = draw(rng, act.kind == ChaosKind::kill_coordinator ? setup.coordinators : setup.nodes);
    while (between_two(act.kind) && (act.other.empty() || act.other == act.process)) act.other = draw(rng, all);
    if (act.kind == ChaosKind::slow) act.delay = std::chrono::milliseconds(rng.between(kDelayMsMin, kDelayMsMax));
    if (act.kind == ChaosKind::drop) {
      act.rate = static_cast<double>(rng.between(kLostPercentMin, kLostPercentMax)) / 100;
    }
    acts.push_back(std::move(act));
  }
  return acts;
}

std::string begin_text(const ChaosAct& act) {
  return fmt::format("{} for {}", effect_of(act), seconds_text(act.until - act.at));
}

std::string end_text(const ChaosAct& act) {
  switch (act.kind) {
    case ChaosKind::kill:
    case ChaosKind::kill_coordinator: return fmt::format("start {}", act.process);
    case ChaosKind::pause: return fmt::format("resume {}", act.process);
    case ChaosKind::slow: return fmt::format("heal {}", act.process);
    default: return fmt::format("heal {} and {}", act.process, act.other);
  }
}

Json act_json(const ChaosAct& act) {
  Json json{{"at_ms", act.at.count()},
            {"until_ms", act.until.count()},
            {"fault", to_string(act.kind)},
            {"process", act.process},
            {"other", act.other.empty() ? Json(nullptr) : Json(act.other)}};
  if (act.kind == ChaosKind::slow) json["delay_ms"] = act.delay.count();
  if (act.kind == ChaosKind::drop) json["rate"] = act.rate;
  return json;
}

}  // namespace gyre::cli
