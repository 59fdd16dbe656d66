// How far a rebalance is, as people and scripts read it. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "messages/request.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

// "waiting", "copying", "handing over", "leaving", "deleting"
std::string_view to_string(messages::MoveStatus::Stage stage);

// 0 to 1; 1 only when no move is open.
double done_fraction(const messages::MovesResponse& moves);
// Time left by the rate seen lately; none: there is none.
std::optional<std::chrono::seconds> time_left(const messages::MovesResponse& moves);

// "[=====>    ]  52%  33 of 64 copies  620.1 MiB of 1.2 GiB  58.2 MiB/s  ETA 0:11"
std::string progress_line(const messages::MovesResponse& moves);
// Several lines: progress, the moves in flight (at most so many), what waits, limits and policy.
std::string moves_text(const messages::MovesResponse& moves, std::size_t moves_max);

// "4 moves of a node at once, 50.0 MiB/s, slower while p99 is above 2 times that at rest"
std::string limits_text(const ring::MoveLimits& limits);
// One line for each.
std::string policy_text(const messages::MovePolicy& policy);

Json limits_json(const ring::MoveLimits& limits);
Json policy_json(const messages::MovePolicy& policy);
Json moves_json(const messages::MovesResponse& moves);

}  // namespace gyre::cli
