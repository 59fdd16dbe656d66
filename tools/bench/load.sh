#!/usr/bin/env bash
# Measures put and get of a one-node and a three-node cluster, at depth 1 and 16, beside RocksDB alone (db_bench) and
# a bare Asio echo on the same machine in the same minutes. Prints one table; CPU is that of the servers, in
# microseconds per operation (utime + stime of all node processes). Leaves nothing behind.
#
# usage: tools/bench/load.sh [--quick] [--bin DIR]    (tools/dev bench load builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" "$bin/echo_bench" db_bench jq

seconds=10
keys=200000
value_bytes=100
base_port=27400
[[ -z $quick ]] || seconds=3 keys=50000

row() { printf '%-30s %6s %6s %12s %10s %10s %14s\n' "$@"; }

# measure LABEL NODES DEPTH MIX: `gyre bench`; MIX is the percentage of reads.
measure() {
  local label=$1 nodes=$2 depth=$3 mix=$4 pids before after result cpu
  mapfile -t pids < <(pids_of_nodes)
  before=$(cpu_ticks "${pids[@]}")
  result=$(gyre bench --duration "${seconds}s" --warmup 0s --mix "$mix" --keys "$keys" --value-size "$value_bytes" \
    --depth "$depth" --connections 1 --json)
  after=$(cpu_ticks "${pids[@]}")
  cpu=$(cpu_per $((after - before)) "$(jq .operations <<<"$result")")
  [[ $(jq .errors <<<"$result") == 0 ]] || echo "  (errors: $(jq .errors <<<"$result"))"
  row "$label" "$nodes" "$depth" "$(rounded 0 "$(jq .throughput <<<"$result")")" \
    "$(rounded 1 "$(jq .latency_us.p50 <<<"$result")")" "$(rounded 1 "$(jq .latency_us.p99 <<<"$result")")" "$cpu"
}

measure_cluster() {
  local nodes=$1 depth
  gyre cluster up --routers 0 --nodes "$nodes" --base-port "$base_port" --durability os >/dev/null
  gyre bench --preload --keys "$keys" --value-size "$value_bytes" --mix 100 --duration 1s --json >/dev/null
  for depth in 1 16; do
    measure "gyre put" "$nodes" "$depth" 0
    measure "gyre get" "$nodes" "$depth" 100
  done
  end_cluster
}

# measure_rocksdb LABEL BENCHMARK [FLAG...]: one thread, the WAL handed to the kernel with each write, as a node does.
measure_rocksdb() {
  local label=$1 benchmark=$2 cpu result
  shift 2
  TIMEFORMAT='%U %S'
  {
    time db_bench --benchmarks="$benchmark" --db="$work/rocksdb" --num="$keys" --key_size=16 \
      --value_size="$value_bytes" --sync=0 --disable_wal=0 --bloom_bits=10 --threads=1 "$@" >"$work/out" 2>/dev/null
  } 2>"$work/cpu"
  result=$(grep -E "^$benchmark +:" "$work/out")
  cpu=$(cat "$work/cpu")
  local per_op ops
  per_op=$(sed 's/.*: *\([0-9.]*\) micros\/op.*/\1/' <<<"$result")
  ops=$(sed 's/.* \([0-9]*\) ops\/sec.*/\1/' <<<"$result")
  row "$label" "-" 1 "$ops" "$per_op" "-" "$(awk -v n="$keys" '{ printf "%.2f", ($1 + $2) * 1e6 / n }' <<<"$cpu")"
}

# The smallest message there and back: sockets and loop, no protocol, no storage.
measure_echo() {
  local depth=$1 result
  result=$("$bin/echo_bench" --depth "$depth" --connections 1 --duration "${seconds}s" --json)
  row "asio echo, 160-byte frames" "-" "$depth" "$(rounded 0 "$(jq .throughput <<<"$result")")" "-" "-" \
    "$(rounded 2 "$(jq .server_cpu_us_per_operation <<<"$result")")"
}

print_setting "$keys keys, $value_bytes-byte values, $seconds s each"
row "case" "nodes" "depth" "ops/s" "p50 us" "p99 us" "server us/op"
measure_cluster 1
measure_cluster 3
measure_rocksdb "rocksdb fillrandom" fillrandom
measure_rocksdb "rocksdb readrandom" readrandom --use_existing_db=1
measure_echo 1
measure_echo 16
