#!/usr/bin/env bash
# Redis clients: one node of Gyre beside redis-server with its log on (appendfsync everysec), and a router before three
# nodes beside twemproxy before three of these, by redis-benchmark, taking turns in the same minutes. Prints medians,
# their ratio, and the CPU of the servers in microseconds per command. Leaves nothing behind.
#
# usage: tools/bench/redis.sh [--quick] [--bin DIR]    (tools/dev bench redis builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" redis-server redis-benchmark nutcracker jq

rounds=3
commands=200000
base_port=27500
redis_port=27600 # and the two behind it
proxy_port=27610
[[ -z $quick ]] || rounds=1 commands=50000

row() { printf '%-26s %4s %5s %12s %12s %7s %10s %10s\n' "$@"; }

# --- servers ----------------------------------------------------------------------------------------------------------

declare -A pids

start_redis() {
  local port=$1
  mkdir -p "$work/redis-$port"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$work/redis-$port" --save '' --appendonly yes \
    --appendfsync everysec >"$work/redis-$port/log" 2>&1 &
  pids[redis]+=" $!"
}

start_twemproxy() {
  local port
  {
    echo "redis:"
    echo "  listen: 127.0.0.1:$proxy_port"
    echo "  redis: true"
    echo "  hash: fnv1a_64"
    echo "  distribution: ketama"
    echo "  servers:"
    for port in "$@"; do echo "    - 127.0.0.1:$port:1"; done
  } >"$work/twemproxy.yml"
  nutcracker -c "$work/twemproxy.yml" -o "$work/twemproxy.log" -s $((proxy_port + 1)) >/dev/null 2>&1 &
  pids[proxy]=" $!"
}

wait_port() {
  local tries
  for ((tries = 0; tries < 100; ++tries)); do
    ! redis-cli -p "$1" get none >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  die "nothing answers at port $1"
}

pids_of() { gyre cluster status --json | jq --arg role "$1" '.processes[] | select(.role == $role and .pid) | .pid'; }

# --- measuring --------------------------------------------------------------------------------------------------------

# run TEST DEPTH PORT PID...: commands a second, and microseconds of these processes for each.
run() {
  local test=$1 depth=$2 port=$3 count=$commands before after rate
  shift 3
  ((depth == 1)) || count=$((commands * 5))
  before=$(cpu_ticks "$@")
  rate=$(redis-benchmark -p "$port" -c 50 -d 100 -r 1000000 -t "$test" -n "$count" -P "$depth" --csv 2>/dev/null |
    awk -F'"' 'NR == 2 { print $4 }')
  after=$(cpu_ticks "$@")
  echo "$rate $(cpu_per $((after - before)) "$count")"
}

# compare LABEL OURS_PORT THEIRS_PORT "OUR PIDS" "THEIR PIDS"
compare() {
  local label=$1 test depth round ours=() theirs=() our_cpu=() their_cpu=() rate cpu
  for depth in 1 16; do
    for test in set get; do
      ours=() theirs=() our_cpu=() their_cpu=()
      for ((round = 0; round < rounds; ++round)); do
        # shellcheck disable=SC2086
        read -r rate cpu < <(run "$test" "$depth" "$2" $4)
        ours+=("$rate") our_cpu+=("$cpu")
        # shellcheck disable=SC2086
        read -r rate cpu < <(run "$test" "$depth" "$3" $5)
        theirs+=("$rate") their_cpu+=("$cpu")
      done
      rate=$(median "${ours[@]}")
      cpu=$(median "${theirs[@]}")
      row "$label" "$test" "$depth" "$(rounded 0 "$rate")" "$(rounded 0 "$cpu")" \
        "$(awk -v a="$rate" -v b="$cpu" 'BEGIN { printf "%.2f", a / b }')" "$(median "${our_cpu[@]}")" \
        "$(median "${their_cpu[@]}")"
    done
  done
}

print_setting "redis-benchmark -c 50 -d 100 -r 1000000, medians of $rounds rounds in turns, redis $(
  redis-server --version | sed 's/.*v=\([0-9.]*\).*/\1/')"
row "case" "" "-P" "ours/s" "theirs/s" "ratio" "our us" "their us"

start_redis "$redis_port"
gyre cluster up --nodes 1 --rf 1 --routers 0 --base-port "$base_port" >/dev/null
wait_port "$redis_port"
compare "a node, redis-server" $((base_port + 12)) "$redis_port" "$(pids_of node)" "${pids[redis]}"
end_cluster

start_redis $((redis_port + 1))
start_redis $((redis_port + 2))
start_twemproxy "$redis_port" $((redis_port + 1)) $((redis_port + 2))
gyre cluster up --nodes 3 --rf 1 --routers 1 --base-port "$base_port" >/dev/null
wait_port "$proxy_port"
wait_port $((base_port + 2))
compare "a router, twemproxy" $((base_port + 2)) "$proxy_port" "$(pids_of router)" "${pids[proxy]}"
