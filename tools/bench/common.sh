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

clean_up() {
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
