#!/usr/bin/env bash
# How long writes wait when a node is killed, frozen, frozen for a moment, or stopped: runs `gyre verify` with one kind
# of fault after the other (it checks every promise meanwhile) and prints the times beside their goals. Leaves nothing
# behind, unless a promise was broken: then verify keeps data and logs and says where.
#
# usage: tools/bench/failover.sh [--quick] [--bin DIR]    (tools/dev bench failover builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" jq

row() { printf '%-10s %7s %9s %9s %9s %11s %13s %13s  %s\n' "$@"; }

# The times of the one fault in a report: count, those of primaries hit, and the longest of other partitions.
columns='.faults[] | [.count, .primaries_hit.p50_ms, .primaries_hit.p99_ms, .primaries_hit.max_ms, .others.max_ms,
  .others_ack_all.p99_ms, .others_ack_all.max_ms] | map(round) | join(" ")'

# measure FAULT MINUTES GOAL
measure() {
  local fault=$1 minutes=$2 goal=$3 values
  [[ -z $quick ]] || minutes=1
  "$bin/gyre" verify --faults "$fault" --minutes "$minutes" --json >"$work/report" || failed=1
  read -ra values < <(jq -r "$columns" "$work/report") || true
  if ((${#values[@]} == 0)); then
    echo "$fault: no report"
    return
  fi
  jq -e .passed "$work/report" >/dev/null ||
    goal="A PROMISE WAS BROKEN: $(jq -c '[.problems, .work[].problems] | add' "$work/report")"
  row "$fault" "${values[@]}" "$goal"
  jq -r '.faults[].errors[] | "           " + .' "$work/report"
}

failed=0
print_setting "3 nodes, 3 copies, 64 partitions, times in ms from the fault to an acknowledged write"
row "" "" "primaries" "hit," "ack one" "others," "others," "" ""
row "fault" "times" "p50" "p99" "max" "one: max" "all: p99" "all: max" "goal"
measure kill 5 "hit: p99 < 500"
measure pause 4 "hit: max < 2500"
measure blink 1 "no promotion"
measure restart 2 "hit: max < 200"
exit "$failed"
