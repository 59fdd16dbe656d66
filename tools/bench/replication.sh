#!/usr/bin/env bash
# Measures what replication costs and how fast it is, on a local cluster of three nodes: put throughput with one copy
# and with three (ack one, ack all), in turns, medians of the rounds; how far replicas lag at half of that load; and how
# fast a node that was away comes back, from the log and by snapshot. Prints one table. Leaves nothing behind.
#
# usage: tools/bench/replication.sh [--quick] [--bin DIR]    (tools/dev bench replication builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" jq

rounds=3
seconds=10
keys=200000
value_bytes=100
key_bytes=16 # of gyre bench
missed_writes=1000000
snapshot_keys=300000
snapshot_log=16MiB
log_life=62 # seconds; whatever --log says, a log is kept as long as a retry may come: 60 s
few_partitions=16 # so that a partition misses more than its primary keeps in memory
base_port=27500
if [[ $quick ]]; then
  seconds=2 keys=50000 missed_writes=200000 snapshot_keys=60000 snapshot_log=4MiB few_partitions=4
fi

# up COPIES [OPTION...]
up() { gyre cluster up --routers 0 --nodes 3 --base-port "$base_port" --rf "$@" >/dev/null; }

# preload KEYS VALUE_BYTES: writes each key once.
preload() { gyre bench --preload --keys "$1" --value-size "$2" --mix 100 --duration 1s --warmup 0s --json >/dev/null; }

# --- throughput ---

declare -A throughput p50 p99 cpu # of a case, one value a round

# measure CASE DEPTH ACK
measure() {
  local name="$1, depth $2" pids before after result ops ops_p50 ops_p99 operations errors
  mapfile -t pids < <(pids_of_nodes)
  before=$(cpu_ticks "${pids[@]}")
  result=$(gyre bench --ack "$3" --duration "${seconds}s" --warmup 0s --mix 0 --keys "$keys" \
    --value-size "$value_bytes" --depth "$2" --json)
  after=$(cpu_ticks "${pids[@]}")
  read -r ops ops_p50 ops_p99 operations errors < <(
    jq -r '[.throughput, .latency_us.p50, .latency_us.p99, .operations, .errors] | join(" ")' <<<"$result"
  )
  ((errors == 0)) || echo "  ($name: $errors errors: $(jq -c .errors_by_code <<<"$result"))"
  throughput[$name]+=" $ops"
  p50[$name]+=" $ops_p50"
  p99[$name]+=" $ops_p99"
  cpu[$name]+=" $(cpu_per $((after - before)) "$operations")"
}

measure_round() {
  local depth
  up 1
  preload "$keys" "$value_bytes"
  for depth in 16 64; do measure "rf 1" "$depth" one; done
  end_cluster
  up 3
  preload "$keys" "$value_bytes"
  for depth in 16 64; do measure "rf 3, ack one" "$depth" one; done
  for depth in 16 64; do measure "rf 3, ack all" "$depth" all; done
  end_cluster
}

# The words in the four arrays are numbers.
# shellcheck disable=SC2086
print_throughput() {
  local depth case name base
  printf '%-26s %10s %10s %10s %14s %8s\n' "put" "ops/s" "p50 us" "p99 us" "server us/op" "of rf 1"
  for depth in 16 64; do
    base=$(median ${throughput["rf 1, depth $depth"]})
    for case in "rf 1" "rf 3, ack one" "rf 3, ack all"; do
      name="$case, depth $depth"
      printf '%-26s %10.0f %10.0f %10.0f %14.1f %8.2f\n' "$name" "$(median ${throughput[$name]})" \
        "$(median ${p50[$name]})" "$(median ${p99[$name]})" "$(median ${cpu[$name]})" \
        "$(awk -v a="$(median ${throughput[$name]})" -v b="$base" 'BEGIN { print a / b }')"
    done
  done
}

# --- lag ---

# measure_lag DEPTH: at half of what `rf 3, ack one` reached; looks at all members ten times a second.
measure_lag() {
  local depth=$1 rate load samples=$work/samples
  # shellcheck disable=SC2086
  rate=$(awk -v a="$(median ${throughput["rf 3, ack one, depth $depth"]})" 'BEGIN { print int(a / 2) }')
  : >"$samples"
  gyre bench --rate "$rate" --duration "${seconds}s" --warmup 0s --mix 0 --keys "$keys" --value-size "$value_bytes" \
    --depth 64 --json >"$work/load" &
  load=$!
  while kill -0 "$load" 2>/dev/null; do
    gyre cluster partitions --json >>"$samples"
    sleep 0.1
  done
  wait "$load"
  jq '.[].members[].lag_ms // empty' "$samples" >"$work/each"
  jq '[.[].members[].lag_ms // 0] | max' "$samples" >"$work/worst"
  printf '%-26s %10.0f %7s %7s %9s %9s %14s\n' "lag at half, depth $depth" "$(jq .throughput "$work/load")" \
    "$(quantile 0.5 <"$work/each")" "$(quantile 0.99 <"$work/each")" "$(quantile 0.5 <"$work/worst")" \
    "$(quantile 0.99 <"$work/worst")" "$(wc -l <"$work/worst")"
}

measure_lags() {
  printf '\n%-26s %10s %7s %7s %9s %9s %14s\n' "lag, ms" "ops/s" "p50" "p99" "worst p50" "worst p99" "samples"
  up 3
  preload "$keys" "$value_bytes"
  local depth
  for depth in 16 64; do measure_lag "$depth"; done
  end_cluster
}

# --- coming back ---

# metric NODE NAME
metric() {
  local address
  address=$(gyre cluster status --json | jq -r --arg id "$1" '.processes[] | select(.id == $id) | .http')
  exec 3<>"/dev/tcp/${address%:*}/${address#*:}"
  printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
  awk -v name="$2" '$1 == name { print int($2) }' <&3
  exec 3>&-
}

log_reads() { echo $(($(metric n1 gyre_log_reads_total) + $(metric n2 gyre_log_reads_total))); }

is_whole() {
  gyre cluster status --json | jq -e '.cluster | .nodes_up == .nodes_total and .without_primary == 0 and
    .under_replicated == 0 and .not_serving == 0' >/dev/null
}

# wait_whole SECONDS
wait_whole() {
  local until=$((SECONDS + $1))
  while ! is_whole; do
    ((SECONDS < until)) || {
      gyre cluster status
      gyre events -n 20
      die "after $1 s the cluster is not whole again"
    }
    sleep 0.05
  done
}

# measure_return LABEL KEYS VALUE_BYTES [PAUSE]: n3, which has something, is killed, misses a write of each key, and
# with PAUSE one more so many seconds later; and comes back: from the memory of the primaries, or from their log on disk
# if the row has log reads, or by snapshots, one a partition.
measure_return() {
  local label=$1 count=$2 bytes=$3 reads begin took
  preload "$keys" "$bytes"
  gyre cluster kill n3 >/dev/null
  preload "$count" "$bytes"
  if (($# > 3)); then
    sleep "$4"
    preload "$count" "$bytes"
  fi
  reads=$(log_reads)
  begin=$EPOCHREALTIME
  gyre cluster start n3 >/dev/null
  wait_whole 300
  took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
  printf '%-26s %10s %10s %10s %10s %10s %14s\n' "$label" "$count" \
    "$(awk -v n="$count" -v b=$((bytes + key_bytes)) 'BEGIN { printf "%.0f", n * b / 1e6 }')" "$took" \
    "$(awk -v n="$count" -v b=$((bytes + key_bytes)) -v s="$took" 'BEGIN { printf "%.1f", n * b / 1e6 / s }')" \
    "$(($(log_reads) - reads))" "$(metric n3 gyre_snapshots_received_total)"
  gyre cluster verify >"$work/verify" || {
    tail -n 5 "$work/verify"
    die "the members differ after '$label'"
  }
}

measure_returns() {
  printf '\n%-26s %10s %10s %10s %10s %10s %14s\n' "coming back" "keys" "MB" "seconds" "MB/s" "log reads" \
    "snapshots in"
  up 3
  measure_return "256 partitions" "$missed_writes" "$value_bytes"
  end_cluster
  up 3 --partitions "$few_partitions"
  measure_return "$few_partitions partitions" "$missed_writes" "$value_bytes"
  end_cluster
  # A log that reaches back less far than the node was away.
  export GYRE_LOG=$snapshot_log GYRE_MEMTABLE=$snapshot_log
  up 3 --partitions "$few_partitions"
  measure_return "1 KB, $snapshot_log log" "$snapshot_keys" 1000 "$log_life"
  unset GYRE_LOG GYRE_MEMTABLE
  end_cluster
}

print_setting "$value_bytes-byte values, $keys keys, medians of $rounds rounds of $seconds s, durability everysec"
for ((round = 1; round <= rounds; ++round)); do measure_round; done
print_throughput
measure_lags
measure_returns
