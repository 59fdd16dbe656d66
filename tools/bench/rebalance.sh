#!/usr/bin/env bash
# Measures a node that joins, one that joins with eight moves at once and no regard for what clients feel, and one that
# dies for good, while a mixed load runs: whether any request fails, how much slower the load gets, how much is read for
# copies against the data of the copies that must be made, how fast, and how even the result is. The time is from the
# command to the end of the last move: the start of the node is in it, or the while until its death is believed. Then
# the same of one node that gives a second one half of its data, so that the processor is for a single source. Prints
# two tables. Leaves nothing behind.
#
# usage: tools/bench/rebalance.sh [--quick] [--bin DIR]    (tools/dev bench rebalance builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" jq curl

keys=1000000
value_bytes=1000
load_part=10 # the load is this part of what the cluster gives: it leaves the machine room
seconds=20 # of load alone
base_port=27500
if [[ $quick ]]; then keys=60000 seconds=5; fi

key_bytes=15
partitions=256

row() { printf '%-26s %8s %7s %8s %8s %8s %8s %8s %8s %8s %9s %9s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }
difference() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", b - a }'; }

calls=(--mix 50 --keys "$keys" --value-size "$value_bytes" --depth 64)

# load SECONDS FILE
load() { gyre bench --duration "$1s" --json "${mixed[@]}" >"$2"; }

# measure LABEL COMMAND...: runs the command while the load runs, and waits until nothing is left to move.
measure() {
  local label=$1 begin took moves copied least speed sources plan=$work/plan
  shift
  load "$seconds" "$work/before"
  copied_by_node >"$work/copied"
  begin_load "$work/during" "${mixed[@]}"
  sleep 2
  begin=$EPOCHREALTIME
  "$@" >"$work/out" 2>&1 || die "$* failed: $(cat "$work/out")"
  sleep 1
  wait_settled 900 || die "there is still something to move"
  took=$(difference "$begin" "$EPOCHREALTIME")
  end_load
  load "$seconds" "$work/after"
  gyre rebalance plan --json >"$plan"
  moves=$(moves | jq '.moves_done + (.moves | length)')
  copied_by_node | join "$work/copied" - -a 2 -e 0 -o 2.2,1.2 | awk '{ print $1 - $2 }' >"$work/given"
  copied=$(awk '{ n += $1 } END { print n }' "$work/given")
  sources=$(awk '$1 > 0 { ++n } END { print n + 0 }' "$work/given")
  least=$((moves * keys / partitions * (key_bytes + value_bytes)))
  speed=$(ratio "$((copied / 1000000))" "$took")
  row "$label" "$took" "$(jq .errors "$work/during")" "$(jq '.latency_us.p99 | round' "$work/before")" \
    "$(jq '.latency_us.p99 | round' "$work/during")" "$(jq '.latency_us.p99 | round' "$work/after")" "$moves" \
    "$((copied / 1000000))" "$(ratio "$copied" "$least")" "$speed" "$(ratio "$speed" "$sources")" \
    "$(jq '[.after.max_over_mean.copies, .after.max_over_mean.primaries] | max * 1000 | round / 1000' "$plan")"
  gyre cluster verify >"$work/verify" || {
    tail -n 5 "$work/verify"
    die "the members differ after '$label'"
  }
}

die_for_good() { gyre cluster kill n2 && gyre cluster set --replace-after 5s; }

# set_up NODES RF: a cluster with the data, the load for it and the head of a table.
set_up() {
  local gives rate
  gyre cluster up --routers 0 --nodes "$1" --rf "$2" --partitions "$partitions" --base-port "$base_port" >/dev/null
  gyre bench --preload --keys "$keys" --value-size "$value_bytes" --mix 100 --duration 1s --warmup 0s --json >/dev/null
  gives=$(gyre bench --duration 5s --warmup 1s --json "${calls[@]}" | jq '.throughput | floor')
  rate=$((gives / load_part))
  mixed=(--rate "$rate" --warmup 0s "${calls[@]}")
  print_setting "$keys keys of $value_bytes bytes, rf $2, $rate of the $gives calls a second that it gives, half of \
them reads; p99 in us"
  row "" "seconds" "errors" "p99" "p99" "p99" "copies" "MB" "of the" "MB/s" "MB/s per" "max/mean"
  row "" "" "" "before" "during" "after" "made" "copied" "least" "" "source" "after"
}

hurried=(--p99-factor 0 --moves-per-node 8)
usual=(--p99-factor 2 --moves-per-node 4) # what a cluster begins with

set_up 3 3
measure "3 to 4 nodes" gyre cluster add-node
gyre rebalance limit "${hurried[@]}" >/dev/null
measure "4 to 5 nodes, hurried" gyre cluster add-node
gyre rebalance limit "${usual[@]}" >/dev/null
measure "a node dies for good" die_for_good
end_cluster
echo
set_up 1 1
gyre rebalance limit "${hurried[@]}" >/dev/null
measure "1 to 2 nodes, hurried" gyre cluster add-node
