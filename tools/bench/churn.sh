#!/usr/bin/env bash
# Does anything get lost while a cluster grows from 3 nodes to 5 and shrinks to 3 again, under writes of ack `all`, with
# one node killed and started again in the middle of each step? The writer keeps a model: the last acknowledged value
# of every key. In the end all members must be equal, the dump must be the model, and the ledgers must list no more
# than what the writer had to send again. Prints one line for each run; its seed decides whom it hits and when. Leaves
# nothing behind, unless a run fails: then data, logs, model and dump stay, and it says where.
#
# usage: [SEED=N] [RUNS=N] tools/bench/churn.sh [--quick] [--bin DIR]    (tools/dev bench churn builds first)
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
need "$bin/gyre" "$bin/gyred" jq

first_seed=${SEED:-1}
runs=${RUNS:-20}
keys=20011 # a prime, so that every stride walks over all keys
batch=2000
deletions=50 # one call each
value_bytes=400
base_port=28500
settle_limit=300 # seconds
write_limit=120  # seconds until a batch is given up
if [[ $quick ]]; then runs=${RUNS:-2} keys=5003; fi

row() { printf '%-6s %7s %9s %6s %7s %6s %5s  %-19s %-9s %-19s  %s\n' "$@"; }

# Adds to what is wrong with the run.
problem() { problems+=("$1"); }

sleep_ms() { sleep "$(awk -v ms="$1" 'BEGIN { print ms / 1000 }')"; }

# --- the writer -------------------------------------------------------------------------------------------------------

# make_batch SEED COUNT TAG: COUNT different keys as JSON lines, just as `gyre dump` prints them.
make_batch() {
  awk -v seed="$1" -v count="$2" -v tag="$3" -v keys="$keys" -v bytes="$value_bytes" 'BEGIN {
    srand(seed + 0)
    while (length(block) < 8 * bytes) block = block sprintf("%07x", int(rand() * 268435456))
    key = int(rand() * keys)
    stride = 1 + int(rand() * (keys - 1))
    for (i = 0; i < count; ++i) {
      printf "{\"key\":\"k%07d\",\"value\":\"%s-%s\"}\n", key, tag, substr(block, 1 + int(rand() * 7 * bytes), bytes)
      key = (key + stride) % keys
    }
  }'
}

# Loads a file until all of it is acknowledged. What is sent again stands in $run/unsure, a number a line: of each such
# write a first try may have been applied, acknowledged to nobody, and lost.
store() {
  local file=$1 until=$((SECONDS + write_limit)) resume=()
  while ! gyre --ack all --json load "${resume[@]}" "$file" >"$run/loaded" 2>>"$run/errors"; do
    echo 256 >>"$run/unsure" # what `load` has in flight
    ((SECONDS < until)) || return 1
    resume=()
    [[ ! -e $file.gyre-resume ]] || resume=(--resume)
    sleep 0.2
  done
  jq .resent "$run/loaded" >>"$run/unsure"
}

# Deletes the keys in a file, one a line. Exit code 1 says that some were not there.
delete() {
  local until=$((SECONDS + write_limit)) code
  while
    code=0
    sed 's/^/del /' "$1" | gyre --ack all shell >/dev/null 2>>"$run/errors" || code=$?
    ((code > 1))
  do
    echo "$deletions" >>"$run/unsure"
    ((SECONDS < until)) || return 1
    sleep 0.2
  done
}

# Every line of the log is a write that was acknowledged before the next one began; one without a value is a deletion.
log_deletions() { sed 's/.*/{"key":"&"}/' "$1" >>"$run/log"; }

# write_until_told SEED
write_until_told() {
  local n
  for ((n = 1; n < 100000; ++n)); do
    [[ ! -e $run/stop ]] || return 0
    make_batch "$(($1 * 200000 + 2 * n))" "$batch" "$n" >"$run/batch"
    store "$run/batch" || return 1
    cat "$run/batch" >>"$run/log"
    make_batch "$(($1 * 200000 + 2 * n + 1))" "$deletions" 0 | cut -d '"' -f 4 >"$run/gone"
    delete "$run/gone" || return 1
    log_deletions "$run/gone"
  done
}

begin_writing() {
  make_batch "$1" "$keys" 0 >"$run/batch"
  store "$run/batch" || die "the first load failed: $(tail -n 3 "$run/errors")"
  cp "$run/batch" "$run/log"
  set -m # a process group of its own, which ends as one
  write_until_told "$1" &
  writer=$!
  set +m
}

end_writing() {
  touch "$run/stop"
  wait "$writer" || problem "the writer gave up: $(tail -n 1 "$run/errors")"
}

# --- the churn --------------------------------------------------------------------------------------------------------

moves_left() { moves | jq '.moves | length' || echo '?'; }

await_moves() {
  local until=$((SECONDS + 20))
  until [[ $(moves_left) == [1-9]* ]]; do
    ((SECONDS < until)) || return 1
    sleep 0.05
  done
}

# hit NODE DELAY_MS AWAY_MS: kills it some time after moves have begun, and starts it again. Sets `hit_text`.
hit() {
  await_moves || problem "nothing began to move"
  sleep_ms "$2"
  hit_text="$1 at $(rounded 1 "$2e-3") s, $(moves_left)"
  if ! gyre cluster kill "$1" >"$run/out" 2>&1; then
    hit_text="$1 had left" # one that was leaving, and was faster
    return
  fi
  sleep_ms "$3"
  gyre cluster start "$1" >"$run/out" 2>&1 || is_gone "$1" || problem "$1 does not start: $(tail -n 1 "$run/out")"
}

is_gone() { gyre cluster status --json | jq -e --arg id "$1" 'all(.processes[]; .id != $id)' >/dev/null; }

# settle NODES: all has moved, and just so many nodes are there and up. Adds what was moved to `moved`.
settle() {
  wait_settled "$settle_limit" >"$run/unsettled" 2>&1 ||
    problem "after $settle_limit s with $1 nodes there is still something to move"
  moved=$((moved + $(moves | jq .moves_done || echo 0)))
  gyre cluster status --json | jq -e --argjson n "$1" '.cluster | .nodes_up == $n and .nodes_total == $n' >/dev/null ||
    problem "there should be $1 nodes up: $(gyre cluster status --json | jq -c '.cluster')"
}

# remove NODE: as somebody would who waits for it.
remove() { timeout "$settle_limit" "$bin/gyre" --dir "$cluster" cluster remove-node "$1" >"$run/remove-$1" 2>&1; }

grow() {
  local i
  for i in 1 2; do
    gyre cluster add-node >"$run/out" 2>&1 || problem "add-node: $(tail -n 1 "$run/out")"
  done
  hit "$@"
  settle 5
}

# shrink NODE NODE HIT...: removes two nodes at once.
shrink() {
  local first second
  remove "$1" &
  first=$!
  remove "$2" &
  second=$!
  hit "${@:3}"
  wait "$first" || problem "remove-node $1: $(tail -n 1 "$run/remove-$1")"
  wait "$second" || problem "remove-node $2: $(tail -n 1 "$run/remove-$2")"
  settle 3
}

# --- what must hold ---------------------------------------------------------------------------------------------------

check_members() {
  gyre cluster verify >"$run/verify" 2>&1 || problem "the members differ: $(tail -n 1 "$run/verify")"
}

# Sets `compared`.
check_model() {
  awk -F '"' '{ last[$4] = $0 } END { for (k in last) if (last[k] ~ /"value":/) print last[k] }' "$run/log" |
    LC_ALL=C sort >"$run/model"
  gyre dump - 2>"$run/out" | LC_ALL=C sort >"$run/dump" || problem "no dump: $(tail -n 1 "$run/out")"
  compared=$(wc -l <"$run/model")
  cmp -s "$run/model" "$run/dump" ||
    problem "the dump differs in $(diff "$run/model" "$run/dump" | grep -c '^[<>]') lines"
}

# A range of writes whose contents are gone may have no known end.
# shellcheck disable=SC2016
count_lost='map(if .kind == "range" then (.last_sequence // .first_sequence) - .first_sequence + 1
  elif .reapplied then 0 else 1 end) | add // 0'

# What is in a ledger was not acknowledged, so it was sent again. Sets `lost` and `unsure`.
check_ledgers() {
  local saved
  lost='?'
  unsure=$(awk '{ n += $1 } END { print n + 0 }' "$run/unsure")
  # Those of the nodes that left are saved there.
  saved=$(find "$cluster" -maxdepth 1 -name 'lost-*.jsonl' -exec cat {} + | jq -s "$count_lost")
  gyre --json lost list >"$run/lost" 2>&1 || {
    problem "no ledgers: $(tail -n 1 "$run/lost")"
    return
  }
  lost=$(jq --argjson saved "$saved" '.lost + .contents_gone + $saved' "$run/lost")
  ((lost <= unsure)) || problem "the ledgers list $lost writes; $unsure were sent again"
  jq -e '.not_accounted_for == [] and .silent_nodes == []' "$run/lost" >/dev/null ||
    problem "ledgers are missing: $(jq -c '[.not_accounted_for, .silent_nodes]' "$run/lost")"
}

keep() {
  local place
  place=$(mktemp -d "${TMPDIR:-/tmp}/gyre-churn.XXXXXX")
  gyre events -n 100000 >"$run/events" 2>&1 || true
  gyre cluster down >/dev/null 2>&1 || true
  cp -r "$run" "$cluster" "$place"
  echo "       kept in $place"
}

# run SEED
run() {
  local seed=$1 begin=$SECONDS writer problems=() moved=0 compared=0 lost unsure
  local hit_text grown shrunk first second verdict
  run=$work/run
  rm -rf "$run"
  mkdir "$run"
  RANDOM=$seed
  gyre cluster up --routers 0 --nodes 3 --rf 3 --base-port "$base_port" >/dev/null
  begin_writing "$seed"
  grow "n$((RANDOM % 5 + 1))" "$((RANDOM % 4000))" "$((RANDOM % 3000 + 200))"
  grown=$hit_text
  first=$((RANDOM % 5 + 1))
  second=$(((first + RANDOM % 4) % 5 + 1)) # another
  shrink "n$first" "n$second" "n$((RANDOM % 5 + 1))" "$((RANDOM % 4000))" "$((RANDOM % 3000 + 200))"
  shrunk=$hit_text
  end_writing
  check_members
  check_model
  check_ledgers
  writes=$((writes + $(wc -l <"$run/log")))
  moves_sum=$((moves_sum + moved))
  verdict=equal
  ((${#problems[@]} == 0)) || verdict=$(printf '; %s' "${problems[@]}")
  row "$seed" "$((SECONDS - begin))" "$(wc -l <"$run/log")" "$moved" "$compared" \
    "$unsure" "$lost" "$grown" "n$first, n$second" "$shrunk" "${verdict#; }"
  if ((${#problems[@]})); then
    failed+=("$seed")
    keep
  fi
  gyre cluster down --wipe >/dev/null
}

print_setting "$keys keys of $value_bytes bytes, ack all; 3 nodes, 5, 3 again; rf 3; a node killed in each step"
row "seed" "seconds" "writes" "moves" "keys" "sent" "in" "killed, moves left" "nodes" "killed, moves left" ""
row "" "" "acked" "" "comp." "again" "ledgr" "while it grew" "removed" "while it shrank" "verdict"
writes=0 moves_sum=0 failed=()
for ((i = 0; i < runs; ++i)); do run "$((first_seed + i))"; done
echo
echo "$runs runs, $writes writes acknowledged, $moves_sum moves: ${#failed[@]} failed${failed[*]:+, seeds ${failed[*]}}"
((${#failed[@]} == 0))
