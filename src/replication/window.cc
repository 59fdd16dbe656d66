#include "replication/window.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/limits.h"

namespace gyre::replication {

using messages::WindowWrite;
using messages::WriteId;
using messages::WriteOperation;

namespace {

// The most that a window keeps while window_never_evicts is broken.
constexpr std::size_t kBrokenWritesMax = 8;
// Of list nodes, of what is kept beside a write, and of the places in a client's list.
constexpr std::size_t kWriteOverheadBytes = 48;

std::size_t bytes_kept(const WindowWrite& write) {
  return sizeof(WindowWrite) + write.outcomes.size() * sizeof(messages::WriteOutcome) + kWriteOverheadBytes;
}

std::uint64_t hash_number(std::uint64_t number, std::uint64_t seed) {
  std::array<char, 8> little_endian;
  for (char& byte : little_endian) {
    byte = static_cast<char>(number & 0xff);
    number >>= 8;
  }
  return hash64({little_endian.data(), little_endian.size()}, seed);
}

// The new ones are at the end.
template <class List>
void mark_seen(List& list, Duration running) {
  for (auto item = list.rbegin(); item != list.rend() && !item->seen; ++item) item->seen = running;
}

}  // namespace

std::uint64_t fingerprint(const std::vector<WriteOperation>& operations) {
  std::uint64_t hash = operations.size();
  for (const WriteOperation& operation : operations) {
    for (const std::uint64_t number :
         {static_cast<std::uint64_t>(operation.kind), static_cast<std::uint64_t>(operation.delta),
          static_cast<std::uint64_t>(operation.expiry.kind), static_cast<std::uint64_t>(operation.expiry.ms),
          static_cast<std::uint64_t>(operation.condition.kind), operation.condition.version.term.value(),
          operation.condition.version.sequence.value()}) {
      hash = hash_number(number, hash);
    }
    hash = hash64(operation.value.view(), hash64(operation.key.view(), hash));
  }
  return hash;
}

const WindowWrite* Window::find(const WriteId& id) const {
  const auto client = clients_.find(id.client);
  if (client == clients_.end()) return nullptr;
  const auto& writes = client->second.writes;
  const auto found = std::ranges::lower_bound(writes, id.number, {}, &OfClient::number);
  return found == writes.end() || found->number != id.number ? nullptr : &found->write->write;
}

bool Window::closed(const WriteId& id) const {
  const auto client = clients_.find(id.client);
  return client != clients_.end() && id.number < client->second.lowest_open;
}

bool Window::full() const {
  if (broken_ == BrokenRule::window_never_evicts) return false;
  return writes_.size() >= limits::kWindowWritesMax || bytes_ >= limits::kWindowBytesMax;
}

void Window::add(WindowWrite write) {
  GYRE_ASSERT(write.id.given());
  GYRE_ASSERT(writes_.empty() || writes_.back().write.position.sequence < write.position.sequence);
  Client& client = client_of(write);
  bytes_ += bytes_kept(write);
  const auto kept = writes_.insert(writes_.end(), {std::move(write), std::nullopt});
  const WindowWrite& added = kept->write;
  // A write is open itself until it is answered, whatever it says.
  client.lowest_open = std::max(client.lowest_open, std::min(added.lowest_open, added.id.number));

  const auto open = std::ranges::lower_bound(client.writes, client.lowest_open, {}, &OfClient::number);
  std::for_each(client.writes.begin(), open, [this](const OfClient& closed) { close(closed.write); });
  client.writes.erase(client.writes.begin(), open);
  const auto place = std::ranges::upper_bound(client.writes, added.id.number, {}, &OfClient::number);
  GYRE_ASSERT(place == client.writes.begin() || std::prev(place)->number != added.id.number);
  client.writes.insert(place, {added.id.number, kept});

  if (broken_ == BrokenRule::window_never_evicts && writes_.size() > kBrokenWritesMax) forget(writes_.begin());
}

void Window::truncate_after(Sequence last) {
  while (!writes_.empty() && writes_.back().write.position.sequence > last) forget(std::prev(writes_.end()));
  retries_.erase(retries_.upper_bound(last), retries_.end());
}

void Window::expire(Duration running) {
  mark_seen(writes_, running);
  mark_seen(heard_, running);
  const auto over = [&](const Seen& seen) { return running - *seen >= limits::kWriteIdLife; };
  while (!writes_.empty() && over(writes_.front().seen)) {
    remove_from_client(writes_.begin());
    close(writes_.begin());
  }
  while (!heard_.empty() && over(heard_.front().seen)) {
    const auto client = clients_.find(heard_.front().client);
    if (!client->second.writes.empty()) break;
    clients_.erase(client);
    heard_.pop_front();
  }
}

std::optional<Duration> Window::next_expiry() const {
  std::optional<Duration> next;
  const auto look_at = [&next](const auto& list) {
    if (list.empty()) return;
    const Duration at = list.back().seen ? *list.front().seen + limits::kWriteIdLife : Duration(0);
    next = std::min(at, next.value_or(at));
  };
  look_at(writes_);
  look_at(heard_);
  return next;
}

std::vector<WindowWrite> Window::all() const {
  std::vector<WindowWrite> all;
  all.reserve(writes_.size() + retries_.size());
  auto retry = retries_.begin();
  for (const Kept& kept : writes_) {
    const Sequence next = kept.write.position.sequence;
    for (; retry != retries_.end() && retry->first < next; ++retry) all.push_back(retry->second);
    all.push_back(kept.write);
  }
  for (; retry != retries_.end(); ++retry) all.push_back(retry->second);
  return all;
}

void Window::replace(std::vector<WindowWrite> writes) {
  *this = Window(broken_);
  Sequence last;
  for (WindowWrite& write : writes) {
    if (write.position.sequence <= last || !write.id.given()) continue;
    if (write.closed) {
      last = write.position.sequence;
      keep_retry(std::move(write));
    } else if (find(write.id) == nullptr) {
      last = write.position.sequence;
      add(std::move(write));
    }
  }
}

Window::Client& Window::client_of(const WindowWrite& write) {
  const auto [found, is_new] = clients_.try_emplace(write.id.client);
  Client& client = found->second;
  if (is_new) {
    client.heard = heard_.insert(heard_.end(), {write.id.client, std::nullopt});
  } else {
    client.heard->seen.reset();
    heard_.splice(heard_.end(), heard_, client.heard);
  }
  return client;
}

void Window::close(Writes::iterator write) {
  if (write->write.may_repeat) keep_retry(messages::closed_retry(write->write));
  erase(write);
}

void Window::keep_retry(WindowWrite write) {
  if (broken_ == BrokenRule::retries_outlive_windows) return;
  const Sequence sequence = write.position.sequence;
  retries_.emplace(sequence, std::move(write));
  if (retries_.size() > limits::kRetriesKeptMax) retries_.erase(retries_.begin());
}

void Window::erase(Writes::iterator write) {
  bytes_ -= bytes_kept(write->write);
  writes_.erase(write);
}

void Window::forget(Writes::iterator write) {
  remove_from_client(write);
  erase(write);
}

void Window::remove_from_client(Writes::iterator write) {
  auto& writes = clients_.find(write->write.id.client)->second.writes;
  std::erase_if(writes, [write](const OfClient& one) { return one.write == write; });
}

}  // namespace gyre::replication
