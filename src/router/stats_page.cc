#include "router/stats.h"

namespace gyre::router {

namespace {

// Everything is in the page itself: an admin port has no way to the outside.
constexpr const char* kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Gyre router</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
  body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
  h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
  #about { opacity: .75; margin: 0 0 1.2rem; }
  #totals { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 1.4rem; padding: 0; list-style: none; }
  #totals li { border: 1px solid var(--line); border-radius: .5rem; padding: .45rem .8rem; min-width: 8rem; }
  #totals b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
  #totals span { opacity: .75; font-size: .85rem; }
  .scroll { overflow-x: auto; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: right; padding: .35rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
  th:nth-child(-n+4), td:nth-child(-n+4) { text-align: left; }
  th { font-weight: 600; opacity: .75; }
  .state { border-radius: .6rem; padding: .05rem .5rem; border: 1px solid currentColor; font-size: .85rem; }
  .up { color: #14803c; } .down { color: #c62828; } .other { color: #a15c00; }
  @media (prefers-color-scheme: dark) { .up { color: #5fd38a; } .down { color: #ff8a80; } .other { color: #ffb74d; } }
  #trouble { color: #c62828; min-height: 1.4em; }
</style>
</head>
<body>
<h1 id="title">Gyre router</h1>
<p id="about"></p>
<ul id="totals"></ul>
<div class="scroll"><table>
<thead><tr><th>member</th><th>address</th><th>zone</th><th>state</th><th>weight</th><th>requests/s</th>
<th>open</th><th>hedges</th><th>errors</th><th>read p50</th><th>p95</th><th>p99</th></tr></thead>
<tbody id="members"></tbody>
</table></div>
<p id="trouble" role="status"></p>
<script>
"use strict";
const byId = id => document.getElementById(id);
const whole = new Intl.NumberFormat("en");
const time = us => us >= 1000 ? (us / 1000).toFixed(us >= 10000 ? 0 : 1) + " ms" : us + " us";
const bytes = n => n >= 1 << 20 ? (n / (1 << 20)).toFixed(1) + " MiB" : Math.round(n / 1024) + " KiB";
let last = null;

function cell(row, text, className) {
  const cell = row.insertCell();
  if (!className) { cell.textContent = text; return; }
  const badge = document.createElement("span");
  badge.className = "state " + className;
  badge.textContent = text;
  cell.append(badge);
}

function total(name, value) {
  const item = document.createElement("li");
  const number = document.createElement("b");
  const label = document.createElement("span");
  number.textContent = value;
  label.textContent = name;
  item.append(number, label);
  return item;
}

function show(stats, at) {
  const seconds = last ? (at - last.at) / 1000 : 0;
  const rate = (now, before) => seconds > 0 && now >= before ? whole.format(Math.round((now - before) / seconds)) : "-";
  byId("title").textContent = "Gyre router " + stats.id;
  document.title = "Gyre router " + stats.id;
  byId("about").textContent = "Redis clients at " + stats.resp + "; reads: " + stats.read + ", by " + stats.policy +
    (stats.zone ? ", zone " + stats.zone + " first" : "") + "; writes are acknowledged by " + stats.ack +
    "; latencies are since the start, " + stats.uptime_s + " s ago";
  const cache = stats.cache;
  const looked = cache.hits + cache.misses;
  const totals = [total("clients", whole.format(stats.clients)),
    total("commands/s", last ? rate(stats.commands, last.stats.commands) : "-"),
    total("coalesced reads", stats.coalesce ? whole.format(stats.coalesced) : "off"),
    total("cache hits", !cache.ttl_ms ? "off" : looked ? (100 * cache.hits / looked).toFixed(1) + " %" : "-"),
    total("in the cache", cache.ttl_ms ? bytes(cache.bytes) : "off"),
    total("refused by limits", stats.rate.per_address || stats.rate.all ?
      whole.format(stats.rate.refused_by_address + stats.rate.refused_by_all) : "off")];
  byId("totals").replaceChildren(...totals);
  const rows = byId("members");
  rows.replaceChildren();
  for (const member of stats.members) {
    const before = last && last.stats.members.find(m => m.id === member.id);
    const row = rows.insertRow();
    cell(row, member.id);
    cell(row, member.address);
    cell(row, member.zone || "-");
    cell(row, member.state, member.state === "up" || member.state === "down" ? member.state : "other");
    for (const text of [String(member.weight), before ? rate(member.requests, before.requests) : "-",
      whole.format(member.open), stats.hedge_percent ? whole.format(member.hedges) : "off",
      whole.format(member.errors), time(member.read_us.p50), time(member.read_us.p95), time(member.read_us.p99)])
      cell(row, text);
  }
  last = {stats, at};
}

async function look() {
  try {
    const answer = await fetch("stats.json", {cache: "no-store"});
    show(await answer.json(), performance.now());
    byId("trouble").textContent = "";
  } catch (error) {
    byId("trouble").textContent = "The router does not answer.";
  }
  setTimeout(look, 1000);
}
look();
</script>
</body>
</html>
)html";

}  // namespace

std::string stats_page() { return kPage; }

}  // namespace gyre::router
