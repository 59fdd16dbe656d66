#!/usr/bin/env bash
# Measures put and get of a one-node and a three-node cluster, at depth 1 and 16, beside RocksDB alone (db_bench) and
# a bare Asio echo on the same machine in the same minutes. Prints one table; CPU is that of the servers, in
# microseconds per operation (utime + stime of all node processes). Leaves nothing behind.
#
# usage: tools/bench/load.sh [--quick] [--bin DIR]    (tools/dev bench load builds first)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=10
keys=200000
value_bytes=100
base_port=27400
bin=$PWD/build/bin

while (($#)); do
  case $1 in
    --quick) seconds=3 keys=50000 ;;
    --bin) bin=$(cd "$2" && pwd) && shift ;;
    *)
      echo "usage: tools/bench/load.sh [--quick] [--bin DIR]" >&2
      exit 2
      ;;
  esac
  shift
done
for program in "$bin/gyre" "$bin/gyred" "$bin/echo_bench" db_bench; do
  command -v "$program" >/dev/null || {
    echo "load.sh: $program is missing; 'tools/dev bench load' builds and installs what is needed" >&2
    exit 1
  }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/gyre-bench.XXXXXX")
export XDG_DATA_HOME=$work/share # so that the user's own local cluster stays the default one
cluster=$work/cluster
ticks_per_second=$(getconf CLK_TCK)

clean_up() {
  [[ ! -e $cluster/cluster.json ]] || "$bin/gyre" cluster down --wipe --dir "$cluster" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# field NAME: the first number called NAME in the JSON on standard input.
field() { tr -d ' \n' | grep -o "\"$1\":[0-9.eE+-]*" | head -n 1 | cut -d : -f 2; }

rounded() { printf "%.$1f" "$2"; }

row() { printf '%-30s %6s %6s %12s %10s %10s %14s\n' "$@"; }

pids_of_nodes() {
  "$bin/gyre" cluster status --json --dir "$cluster" | tr -d ' \n' | tr '}' '\n' | grep '"role":"node"' |
    grep -o '"pid":[0-9]*' | cut -d : -f 2
}

# Clock ticks that these processes have used so far.
cpu_ticks() {
  local pid sum=0 stat
  for pid in "$@"; do
    stat=$(<"/proc/$pid/stat")
    stat=${stat##*) } # the name may hold spaces
    # shellcheck disable=SC2086
    set -- $stat
    sum=$((sum + ${12} + ${13}))
  done
  echo "$sum"
}

# measure LABEL NODES DEPTH MIX: `gyre bench`; MIX is the percentage of reads.
measure() {
  local label=$1 nodes=$2 depth=$3 mix=$4 pids before after result operations cpu
  mapfile -t pids < <(pids_of_nodes)
  before=$(cpu_ticks "${pids[@]}")
  result=$("$bin/gyre" bench --dir "$cluster" --duration "${seconds}s" --warmup 0s --mix "$mix" --keys "$keys" \
    --value-size "$value_bytes" --depth "$depth" --connections 1 --json)
  after=$(cpu_ticks "${pids[@]}")
  operations=$(field operations <<<"$result")
  cpu=$(awk -v t=$((after - before)) -v hz="$ticks_per_second" -v n="$operations" \
    'BEGIN { printf "%.2f", t / hz * 1e6 / n }')
  [[ $(field errors <<<"$result") == 0 ]] || echo "  (errors: $(field errors <<<"$result"))"
  row "$label" "$nodes" "$depth" "$(rounded 0 "$(field throughput <<<"$result")")" \
    "$(rounded 1 "$(field p50 <<<"$result")")" "$(rounded 1 "$(field p99 <<<"$result")")" "$cpu"
}

measure_cluster() {
  local nodes=$1 depth
  "$bin/gyre" cluster up --nodes "$nodes" --dir "$cluster" --base-port "$base_port" --durability os >/dev/null
  "$bin/gyre" bench --dir "$cluster" --preload --keys "$keys" --value-size "$value_bytes" --mix 100 --duration 1s \
    --json >/dev/null
  for depth in 1 16; do
    measure "gyre put" "$nodes" "$depth" 0
    measure "gyre get" "$nodes" "$depth" 100
  done
  "$bin/gyre" cluster down --wipe --dir "$cluster" >/dev/null
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
  row "asio echo, 160-byte frames" "-" "$depth" "$(rounded 0 "$(field throughput <<<"$result")")" "-" "-" \
    "$(rounded 2 "$(field server_cpu_us_per_operation <<<"$result")")"
}

printf '%s keys, %s-byte values, %s s each; %s, %s cores, %s\n\n' "$keys" "$value_bytes" "$seconds" "$(uname -sr)" \
  "$(nproc)" "$(git rev-parse --short HEAD 2>/dev/null || echo 'no commit')"
row "case" "nodes" "depth" "ops/s" "p50 us" "p99 us" "server us/op"
measure_cluster 1
measure_cluster 3
measure_rocksdb "rocksdb fillrandom" fillrandom
measure_rocksdb "rocksdb readrandom" readrandom --use_existing_db=1
measure_echo 1
measure_echo 16
