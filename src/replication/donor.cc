#include "replication/donor.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"

namespace gyre::replication {

using messages::FetchedKey;
using messages::SnapshotChunk;
using messages::WindowWrite;

namespace {

// What a key or a write costs in a message besides its contents, about.
constexpr std::size_t kItemOverheadBytes = 64;
// Of the window in an answer to a fetch; a larger one goes with a snapshot only.
constexpr std::size_t kFetchWindowBytesMax = limits::kFetchBytesPerMessage / 2;

std::size_t bytes_of(const FetchedKey& key) {
  return key.key.size() + (key.record ? key.record->value.size() : 0) + kItemOverheadBytes;
}

std::size_t bytes_of(const WindowWrite& write) {
  return sizeof(WindowWrite) + write.outcomes.size() * sizeof(messages::WriteOutcome) + kItemOverheadBytes;
}

// Cuts off what is too much for `bytes_max`; the first item stays. Returns whether all stayed.
template <class Item>
bool cut_to(std::vector<Item>& items, std::size_t bytes_max) {
  std::size_t bytes = 0;
  const auto end = std::ranges::find_if(items, [&](const Item& item) {
    bytes += bytes_of(item);
    return bytes > bytes_max && &item != items.data();
  });
  const bool all = end == items.end();
  items.erase(end, items.end());
  return all;
}

// The writes of the window in (after, last].
std::vector<WindowWrite> window_between(const Window& window, Sequence after, Sequence last) {
  std::vector<WindowWrite> writes = window.all();
  std::erase_if(writes, [&](const WindowWrite& write) {
    return write.position.sequence <= after || write.position.sequence > last;
  });
  return writes;
}

}  // namespace

Donor::Donor(PartitionId partition, Term term, TaskIds& tasks) : partition_(partition), term_(term), tasks_(&tasks) {}

// --- Fetches ---

void Donor::on_fetch(Instant, const NodeId& from, messages::FetchKeys fetch) {
  if (fetch.term != term_ || fetch.keys.empty()) return;
  const auto open = fetches_.find(from);
  if (open != fetches_.end() && open->second.id == fetch.id) return;
  if (fetch.keys.size() > limits::kFetchKeysPerMessage) fetch.keys.resize(limits::kFetchKeysPerMessage);
  const TaskId task = tasks_->next();
  fetches_.insert_or_assign(from, Fetch{fetch.id, task});
  effects_.emplace_back(ReadKeys{task, std::move(fetch.keys)});
}

void Donor::on_keys(Instant, const DonorView& view, TaskId task, Result<std::vector<FetchedKey>> keys) {
  const auto fetch = std::ranges::find_if(fetches_, [task](const auto& item) { return item.second.task == task; });
  if (fetch == fetches_.end()) return;
  const auto [to, fetched] = *fetch;
  fetches_.erase(fetch);
  if (!keys) return;  // the member asks again
  messages::FetchedKeys answer{partition_, term_, fetched.id, view.state.position, view.time, {}, {}};
  answer.window = window_between(view.window, Sequence(), view.state.position.sequence);
  if (cut_to(answer.window, kFetchWindowBytesMax)) {
    answer.keys = *std::move(keys);
    cut_to(answer.keys, limits::kFetchBytesPerMessage);
  } else {
    answer.window.clear();
  }
  effects_.emplace_back(Send{to, std::move(answer)});
}

// --- Snapshots ---

void Donor::on_ask(Instant now, const DonorView& view, const NodeId& from, const messages::SnapshotAsk& ask) {
  if (ask.term != term_) return;
  const auto known = transfers_.find(from);
  if (known == transfers_.end() || known->second.id < ask.id) {
    if (ask.chunk != 0) return;
    if (known != transfers_.end()) drop(known);
    if (open_snapshots() < limits::kSnapshotsMax) open(now, view, from, ask.id);
    return;
  }
  Transfer& transfer = known->second;
  if (transfer.id != ask.id) return;
  transfer.heard = now;
  if (transfer.sent && transfer.sent->chunk == ask.chunk) {
    effects_.emplace_back(Send{from, *transfer.sent});
  } else if (transfer.sent && transfer.sent->chunk + 1 == ask.chunk && !transfer.sent->last) {
    send_next(view, from, transfer);
  }
}

void Donor::on_snapshot_open(Instant, TaskId task, Result<void> opened) {
  const auto transfer = transfer_of(task);
  if (transfer == transfers_.end()) {
    if (opened) effects_.emplace_back(CloseSnapshot{task});
  } else if (opened) {
    effects_.emplace_back(ReadSnapshot{task});
  } else {
    transfers_.erase(transfer);  // the member asks again
  }
}

void Donor::on_snapshot_records(Instant, const DonorView& view, TaskId task, Result<std::vector<FetchedKey>> records) {
  const auto known = transfer_of(task);
  if (known == transfers_.end()) return;
  auto& [to, transfer] = *known;
  if (!records) {
    drop(known);  // the member begins anew
  } else if (records->empty()) {
    transfer.stage = Transfer::Stage::window;
    effects_.emplace_back(CloseSnapshot{task});
    send_window(view, to, transfer);
  } else {
    transfer.stage = Transfer::Stage::records;
    SnapshotChunk chunk;
    chunk.records = *std::move(records);
    send(to, transfer, std::move(chunk));
  }
}

void Donor::on_tick(Instant now) {
  for (auto transfer = transfers_.begin(); transfer != transfers_.end();) {
    const bool silent = now - transfer->second.heard >= limits::kSnapshotPatience;
    transfer = silent ? drop(transfer) : std::next(transfer);
  }
}

void Donor::close() {
  fetches_.clear();
  for (auto transfer = transfers_.begin(); transfer != transfers_.end();) transfer = drop(transfer);
}

std::vector<messages::LoadReport::Transfer> Donor::transfers() const {
  std::vector<messages::LoadReport::Transfer> all;
  for (const auto& [to, transfer] : transfers_) {
    const bool done = transfer.sent && transfer.sent->last;
    all.push_back({partition_, to, transfer.bytes_sent, done ? transfer.bytes_sent : 0});
  }
  return all;
}

std::size_t Donor::snapshots_of(const NodeId& node) const {
  const auto given = given_.find(node);
  return given == given_.end() ? 0 : given->second;
}

std::vector<Effect> Donor::take_effects() { return std::exchange(effects_, {}); }

Donor::Transfers::iterator Donor::transfer_of(TaskId task) {
  return std::ranges::find_if(transfers_, [task](const auto& item) { return item.second.task == task; });
}

void Donor::open(Instant now, const DonorView& view, const NodeId& from, std::uint64_t id) {
  const TaskId task = tasks_->next();
  Transfer& transfer = transfers_[from];
  transfer.id = id;
  transfer.task = task;
  transfer.state = view.state;
  transfer.heard = now;
  effects_.emplace_back(OpenSnapshot{task});
}

Donor::Transfers::iterator Donor::drop(Transfers::iterator transfer) {
  if (transfer->second.stage != Transfer::Stage::window) effects_.emplace_back(CloseSnapshot{transfer->second.task});
  return transfers_.erase(transfer);
}

std::size_t Donor::open_snapshots() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(transfers_, [](const auto& item) { return item.second.stage != Transfer::Stage::window; }));
}

void Donor::send_next(const DonorView& view, const NodeId& to, Transfer& transfer) {
  switch (transfer.stage) {
    case Transfer::Stage::busy:
      // The next one may take long, where copies are to be slow. The last one, empty by now, says that it comes.
      effects_.emplace_back(Send{to, *transfer.sent});
      return;
    case Transfer::Stage::window: return send_window(view, to, transfer);
    case Transfer::Stage::records:
      transfer.stage = Transfer::Stage::busy;
      transfer.sent->records.clear();  // it has arrived
      effects_.emplace_back(ReadSnapshot{transfer.task});
  }
}

// The live window will do: what it lost since the snapshot was taken, nobody asks for any more.
void Donor::send_window(const DonorView& view, const NodeId& to, Transfer& transfer) {
  const Position position = transfer.state.position;
  SnapshotChunk chunk;
  chunk.window = window_between(view.window, transfer.window_sent, position.sequence);
  chunk.last = cut_to(chunk.window, limits::kFetchBytesPerMessage);
  if (!chunk.window.empty()) transfer.window_sent = chunk.window.back().position.sequence;
  if (chunk.last) {
    chunk.position = position;
    chunk.history = transfer.state.history;
    chunk.time = view.time;
  }
  send(to, transfer, std::move(chunk));
}

void Donor::send(const NodeId& to, Transfer& transfer, SnapshotChunk chunk) {
  chunk.partition = partition_;
  chunk.term = term_;
  chunk.id = transfer.id;
  chunk.chunk = transfer.sent ? transfer.sent->chunk + 1 : 0;
  for (const FetchedKey& item : chunk.records) transfer.bytes_sent += item.key.size() + item.record->value.size();
  if (chunk.last) ++given_[to];
  transfer.sent = std::move(chunk);
  effects_.emplace_back(Send{to, *transfer.sent});
}

}  // namespace gyre::replication
