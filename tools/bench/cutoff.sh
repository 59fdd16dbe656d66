#!/usr/bin/env bash
# Cuts one of three nodes off from the other two while clients still reach it and write to it, and checks afterwards
# that every acknowledged write is there or in a loss ledger, and that `--ack 2` and `--ack all` lost none. Twice: while
# the coordinator reaches the node, and while it does not. Each place has a network namespace; one more
# is the router between them, and drops what must not pass. Prints one table. Leaves nothing behind. Needs root.
#
# usage: tools/bench/cutoff.sh [--quick] [--bin DIR]    (tools/dev bench cutoff builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
((EUID == 0)) || die "network namespaces need root: run it again with sudo"
need "$bin/gyre" "$bin/gyred" ip jq

cut_seconds=10
[[ -z $quick ]] || cut_seconds=5
settle_seconds=3
whole_limit=60
tags_per_writer=8
levels=(one 2 all)

# Each place: its namespace, and the number that makes its address 10.77.NUMBER.2.
declare -A number=([n1]=1 [n2]=2 [n3]=3 [coordinator]=4 [clients]=5)
namespace_prefix=gyre-cutoff-$$

address() { echo "10.77.${number[$1]}.2"; }
in_place() { ip netns exec "$namespace_prefix-$1" "${@:2}"; }
gyre() { in_place clients "$bin/gyre" --seeds "$(address n1):7400,$(address n2):7400,$(address n3):7400" "$@"; }

# --- the network ---

make_network() {
  local place hub=$namespace_prefix-hub net
  ip netns add "$hub"
  in_place hub sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
  for place in "${!number[@]}"; do
    net=10.77.${number[$place]}
    ip netns add "$namespace_prefix-$place"
    ip -n "$hub" link add "to-$place" type veth peer name eth0 netns "$namespace_prefix-$place"
    ip -n "$hub" address add "$net.1/24" dev "to-$place"
    ip -n "$hub" link set "to-$place" up
    ip -n "$namespace_prefix-$place" address add "$net.2/24" dev eth0
    ip -n "$namespace_prefix-$place" link set lo up
    ip -n "$namespace_prefix-$place" link set eth0 up
    ip -n "$namespace_prefix-$place" route add default via "$net.1"
  done
}

# rules add|del PLACE...: between n1 and each of these places nothing passes any more, or passes again.
rules() {
  local action=$1 place
  shift
  for place in "$@"; do
    ip -n "$namespace_prefix-hub" rule "$action" from "$(address n1)" to "$(address "$place")" blackhole
    ip -n "$namespace_prefix-hub" rule "$action" from "$(address "$place")" to "$(address n1)" blackhole
  done
}

remove_network() {
  local place
  for place in hub "${!number[@]}"; do ip netns del "$namespace_prefix-$place" 2>/dev/null || true; done
}

# --- the processes ---

# Everything that runs in the namespaces, which are the script's own.
end_processes() {
  local place
  for place in "${!number[@]}"; do
    ip netns pids "$namespace_prefix-$place" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
  done
  wait
}

clean_up() {
  touch "$work/stop"
  end_processes
  remove_network
  rm -rf "$work"
}

start_cluster() {
  local node here
  here=$(address coordinator)
  in_place coordinator "$bin/gyred" coordinator --data "$work/coordinator" --listen "$here:7300" --http "$here:7301" \
    --allow-remote --initial-nodes 3 --rf 3 >"$work/coordinator.log" 2>&1 &
  for node in n1 n2 n3; do
    in_place "$node" "$bin/gyred" node --id "$node" --data "$work/$node" --listen "$(address "$node"):7400" \
      --http "$(address "$node"):7401" --coordinator "$here:7300" --allow-remote >"$work/$node.log" 2>&1 &
  done
}

is_whole() {
  gyre cluster status --json 2>/dev/null | jq -e '.cluster | .nodes_up == 3 and .without_primary == 0 and
    .under_replicated == 0 and .not_serving == 0' >/dev/null
}

# wait_whole: prints how many seconds it took.
wait_whole() {
  local begin=$EPOCHREALTIME until=$((SECONDS + whole_limit))
  while ! is_whole; do
    ((SECONDS < until)) || return 1
    sleep 0.1
  done
  awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}

# --- the writers ---

# choose_tags: hash tags of partitions that n1 serves, and of others, one a line.
choose_tags() {
  local tag
  : >"$work/tags-cut"
  : >"$work/tags-others"
  for tag in t{1..64}; do
    if [[ $(gyre where --json "$tag" | jq -r .primary) == n1 ]]; then
      echo "$tag" >>"$work/tags-cut"
    else
      echo "$tag" >>"$work/tags-others"
    fi
  done
}

# lines TAGS NAME: unique writes, over all tags in turn, until the run is over.
lines() {
  local tags tag i=0
  mapfile -t tags < <(head -n "$tags_per_writer" "$1")
  while [[ ! -e $work/stop ]]; do
    for tag in "${tags[@]}"; do echo "put {$tag}:$2:$((i++)) v"; done
  done
}

# write GROUP LEVEL: one writer; its answers with the time of each land in a file. A key in it was acknowledged.
write() {
  local line
  lines "$work/tags-$1" "$1-$2" | gyre --json --ack "$2" shell 2>&1 | while read -r line; do
    echo "$EPOCHREALTIME $line"
  done >"$work/answers-$1-$2"
}

# acknowledged GROUP LEVEL: "TIME KEY TERM" of each.
acknowledged() { sed -n 's/^\([0-9.]*\) {"key":"\([^"]*\)","version":"\([0-9]*\):.*/\1 \2 \3/p' "$work/answers-$1-$2"; }

# --- the checks ---

# again GROUP LEVEL: seconds from the cut to the last partition's first write acknowledged in a new term; "-": no term
# is new.
again() {
  acknowledged "$1" "$2" | awk -v cut="$cut_at" '
    { tag = $2; sub(/}.*/, "", tag) }
    $1 < cut { before[tag] = $3; next }
    $3 > before[tag] && !(tag in first) { first[tag] = $1 - cut; if (first[tag] > last) last = first[tag] }
    END { if (last) printf "%.2f", last; else printf "-" }'
}

# stall GROUP LEVEL: the longest time from the cut on without an answer that says yes.
stall() {
  acknowledged "$1" "$2" | awk -v cut="$cut_at" '
    $1 >= cut { at = at ? at : cut; if ($1 - at > most) most = $1 - at; at = $1 }
    END { printf "%.2f", most }'
}

# check GROUP LEVEL: prints a row; fails if a promise was broken.
check() {
  local group=$1 level=$2 count errors lost missing verdict=ok
  acknowledged "$group" "$level" | cut -d ' ' -f 2 | sort >"$work/acknowledged"
  count=$(wc -l <"$work/acknowledged")
  errors=$(grep -c '{"error"' "$work/answers-$group-$level" || true)
  comm -23 "$work/acknowledged" "$work/present" >"$work/gone"
  lost=$(comm -12 "$work/gone" "$work/ledger" | wc -l)
  missing=$(comm -23 "$work/gone" "$work/ledger" | wc -l)
  ((missing == 0)) || verdict="BROKEN: neither there nor in a ledger"
  [[ $level == one ]] || ((lost == 0)) || verdict="BROKEN: lost, though acknowledged by more than one"
  ((count > 0)) || verdict="BROKEN: nothing was acknowledged"
  printf '  %-16s %-5s %12s %8s %8s %9s %9s %9s  %s\n' "$group" "$level" "$count" "$errors" "$lost" "$missing" \
    "$(again "$group" "$level")" "$(stall "$group" "$level")" "$verdict"
  [[ $verdict == ok ]]
}

# run LABEL PLACE...: the whole story of one cluster; n1 is cut off from these places.
run() {
  local label=$1 group level whole writers=() failed=0
  shift
  rm -rf "$work"/{coordinator,n1,n2,n3,stop}
  start_cluster
  wait_whole >/dev/null || die "the cluster did not start: $(tail -n 3 "$work"/*.log)"
  choose_tags
  for group in cut others; do
    for level in "${levels[@]}"; do
      write "$group" "$level" &
      writers+=($!)
    done
  done
  sleep "$settle_seconds"
  cut_at=$EPOCHREALTIME
  rules add "$@"
  sleep "$cut_seconds"
  rules del "$@"
  whole=$(wait_whole) || {
    gyre cluster status
    gyre events -n 30
    die "$whole_limit s after the cut had healed, the cluster was not whole"
  }
  sleep "$settle_seconds"
  touch "$work/stop"
  wait "${writers[@]}" || true # a writer's exit code says that some writes failed, which is expected

  gyre dump - 2>"$work/dump.log" | jq -r .key | sort >"$work/present"
  gyre lost list --json >"$work/lost"
  jq -r '.records[] | select(.kind == "write" and (.reapplied | not)) | .mutations[].key' "$work/lost" |
    sort -u >"$work/ledger"
  printf '%s\n' "$label"
  for group in cut others; do
    for level in "${levels[@]}"; do check "$group" "$level" || failed=1; done
  done
  printf '  whole again %s s after the cut had healed; ledgers: %s\n' "$whole" \
    "$(jq -r '"\(.lost) lost, \(.reapplied) reapplied, \(.contents_gone // 0) without contents"' "$work/lost")"
  gyre cluster verify >"$work/verify" 2>&1 || {
    tail -n 3 "$work/verify"
    failed=1
  }
  end_processes
  return "$failed"
}

print_setting \
  "n1 cut off from n2 and n3 for $cut_seconds s, clients reach all; unique keys, one at a time per writer"
make_network
printf '  %-16s %-5s %12s %8s %8s %9s %9s %9s  %s\n' "partitions of" "ack" "acknowledged" "errors" "lost" "untold" \
  "again s" "stall s" "verdict"
status=0
run "the coordinator reaches n1" n2 n3 || status=1
run "the coordinator does not reach n1" n2 n3 coordinator || status=1
exit "$status"
