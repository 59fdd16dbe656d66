#!/usr/bin/env bash
# Moves the one partition that gets all the writes, in a closed loop that saturates it: to an empty node (one copy), and
# away from its primary's node while an empty one takes over a copy (two copies, ack `one` and `all`). Prints writes a
# second and latencies before, during and after, errors, and how long the move took. In a closed loop the longest
# latency is the longest pause, that of the handoff included; the gap is how long nobody served. Fails if a request
# fails or a move does not end; figures over their goal are marked. Leaves nothing behind.
#
# usage: tools/bench/hot_partition.sh [--quick] [--bin DIR]    (tools/dev bench hot_partition builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" jq

keys=300000
value_bytes=100
depth=256
seconds=10 # of load alone
rounds=3
move_limit=120 # seconds
pause_goal=200 # ms
base_port=28600
if [[ $quick ]]; then keys=50000 seconds=4 rounds=1; fi

row() { printf '%-14s %7s %7s %7s  %5s %6s %5s  %5s %6s %5s  %6s %7s %5s %7s  %s\n' "$@"; }

writes=(--warmup 1s --mix 0 --keys "$keys" --value-size "$value_bytes" --depth "$depth")

# load ACK SECONDS FILE
load() { gyre bench --ack "$1" --duration "$2s" --json "${writes[@]}" >"$3"; }

# Of a load: writes a second, and a latency in ms.
rate_of() { jq '.throughput | round' "$work/$1"; }
latency_of() { jq ".latency_us.$2 / 1000 | round" "$work/$1"; }

# time_of KIND: when such an event happened last, in ms.
time_of() { jq -s --arg kind "$1" 'map(select(.kind == $kind)) | last.time_ms // 0' "$work/events"; }

fill() {
  gyre bench --preload --keys "$keys" --value-size "$value_bytes" --mix 100 --duration 1s --warmup 0s --depth "$depth" \
    --json >/dev/null
}

primary() { gyre cluster status --json | jq -r '.partition_groups[0].primary'; }

# Drains the primary's node under load. Sets `ended`.
move() {
  local old
  old=$(primary)
  begin_load "$work/during" --ack "$1" "${writes[@]}"
  sleep 2
  gyre node drain "$old" >"$work/out" 2>&1 || die "drain failed: $(cat "$work/out")"
  ended=1
  { wait_settled "$move_limit" >"$work/out" && [[ $(primary) != "$old" ]]; } || ended=
  end_load
  gyre events -n 1000 --json >"$work/events"
}

# measure LABEL RF ACK: a cluster of as many nodes as there are copies, and an empty one.
measure() {
  local label=$1 rf=$2 ack=$3 ended took='never' gap='-' pause errors verdict=
  gyre cluster up --routers 0 --nodes "$rf" --rf "$rf" --partitions 1 --base-port "$base_port" >/dev/null
  fill
  gyre cluster add-node >/dev/null
  load "$ack" "$seconds" "$work/before"
  move "$ack"
  if [[ $ended ]]; then
    took=$(awk -v ms="$(($(time_of rebalance_done) - $(time_of node_draining)))" 'BEGIN { printf "%.1f", ms / 1000 }')
    gap=$(($(time_of serving) - $(time_of stopped)))
  fi
  load "$ack" "$seconds" "$work/after"
  pause=$(latency_of during max)
  errors=$(jq -s 'map(.errors) | add' "$work/before" "$work/during" "$work/after")
  ((pause < pause_goal)) || verdict+=" PAUSE"
  ((errors == 0)) || verdict+=" ERRORS $(jq -c .errors_by_code "$work/during")"
  [[ $ended ]] || verdict+=" DOES NOT END"
  [[ $ended && $errors == 0 ]] || failed=1
  row "$label" "$(rate_of before)" "$(rate_of during)" "$(rate_of after)" \
    "$(latency_of before p99)" "$(latency_of during p99)" "$(latency_of after p99)" \
    "$(latency_of before max)" "$pause" "$(latency_of after max)" "$errors" "$took" "$gap" \
    "$(moves | jq '.bytes_done / 1e6 | round')" "${verdict:-met}"
  [[ $ended ]] || cat "$work/out"
  gyre cluster verify >"$work/out" 2>&1 || {
    tail -n 5 "$work/out"
    die "the members differ after '$label'"
  }
  gyre cluster down --wipe >/dev/null
}

failed=0
print_setting "one partition of $keys keys of $value_bytes bytes, closed loop of $depth writes; latencies and gap in ms"
row "" "writes" "a" "second" "p99" "" "" "longest" "" "" "errors" "move" "gap" "MB" "goal: pause < $pause_goal,"
row "" "before" "during" "after" "before" "during" "after" "before" "during" "after" "" "seconds" "" "copied" \
  "no error, it ends"
for ((i = 0; i < rounds; ++i)); do
  measure "rf 1" 1 one
  measure "rf 2, ack one" 2 one
  measure "rf 2, ack all" 2 all
done
exit "$failed"
