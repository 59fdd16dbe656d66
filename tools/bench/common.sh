# Shared by the scripts in this directory: options, a directory of its own that goes away, CPU of processes.
# Sets quick, bin, work and cluster for the script that sources it.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

quick=
bin=$PWD/build/bin
while (($#)); do
  case $1 in
    --quick) quick=1 ;;
    --bin) bin=$(cd "${2:?--bin needs a directory}" && pwd) && shift ;;
    *)
      echo "usage: $0 [--quick] [--bin DIR]" >&2
      exit 2
      ;;
  esac
  shift
done

# need PROGRAM...
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null ||
      die "$program is missing; 'tools/dev bench' with this script's name builds and installs what is needed"
  done
}

work=$(mktemp -d "${TMPDIR:-/tmp}/gyre-bench.XXXXXX")
export XDG_DATA_HOME=$work/share # so that the user's own local cluster stays the default one
cluster=$work/cluster

gyre() { "$bin/gyre" --dir "$cluster" "$@"; }

# Paused processes and those of a cluster that is half up end too.
end_cluster() {
  [[ ! -e $cluster/cluster.json ]] || gyre cluster down --wipe >/dev/null 2>&1 || true
}

# What still runs in the background ends too, with its group where it leads one.
end_jobs() {
  local pid
  for pid in $(jobs -p); do
    kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true
  done
}

clean_up() {
  end_jobs
  end_cluster
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

rounded() { printf "%.$1f" "$2"; }

# median NUMBER...
median() { printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# quantile Q: of the numbers on standard input.
quantile() {
  sort -g | awk -v q="$1" '{ v[NR] = $1 } END { i = int(q * NR) + 1; print (NR ? v[(i > NR) ? NR : i] : "-") }'
}

# The machine and the commit: what a figure needs to be worth anything.
print_setting() {
  printf '%s; %s, %s cores, %s\n\n' "$1" "$(uname -sr)" "$(nproc)" \
    "$(git rev-parse --short HEAD 2>/dev/null || echo 'no commit')"
}

pids_of_nodes() { gyre cluster status --json | jq '.processes[] | select(.role == "node" and .pid) | .pid'; }

# begin_load FILE OPTION...: `gyre bench` in the background; FILE tells what it found once end_load has ended it. A
# function in the background would be a shell of its own, which SIGINT does not get through.
begin_load() {
  "$bin/gyre" --dir "$cluster" bench --duration 3600s --json "${@:2}" >"$1" &
  load_pid=$!
}

end_load() {
  kill -INT "$load_pid"
  wait "$load_pid" || true
}

moves() { gyre rebalance status --json; }

# Every partition has the copies it should have, on the nodes that should have them. A node that is away stays on the
# list until it has accounted for what it held: nothing waits for that.
is_settled() {
  moves | jq -e '.moves | all(.stage == "leaving")' >/dev/null &&
    gyre rebalance plan --json | jq -e '.copies == 0' >/dev/null &&
    gyre cluster status --json | jq -e '.cluster.under_replicated == 0 and .cluster.without_primary == 0' >/dev/null
}

# wait_settled SECONDS: shows what there is, and fails, if that is too short. One process follows the moves: to start a
# few of them several times a second would slow down what is measured meanwhile. Where a dead node stays on the list,
# the end is seen about 2 s late at most.
wait_settled() {
  local until=$((SECONDS + $1))
  while ! is_settled; do
    ((SECONDS < until)) || {
      gyre cluster status
      gyre rebalance status
      return 1
    }
    sleep 0.5
    timeout 1 "$bin/gyre" --dir "$cluster" rebalance status -f >/dev/null 2>&1 || true
  done
}

# copied_by_node: of each node that is up, the bytes that it has read for copies since it started.
copied_by_node() {
  local id http
  gyre cluster status --json | jq -r '.processes[] | select(.role == "node" and .pid) | "\(.id) \(.http)"' |
    while read -r id http; do
      curl -s "http://$http/metrics" |
        awk -v id="$id" '/^gyre_copied_bytes_total/ { n += $2 } END { printf "%s %d\n", id, n }'
    done
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

# cpu_per TICKS OPERATIONS: microseconds for each.
cpu_per() { awk -v t="$1" -v hz="$(getconf CLK_TCK)" -v n="$2" 'BEGIN { printf "%.2f", n ? t / hz * 1e6 / n : 0 }'; }
