#include "tools/gyre/load_window.h"

#include <utility>

#include "base/assert.h"

namespace gyre::cli {

namespace {

std::uint64_t bytes_of(const Record& record) { return record.key.size() + record.value.size(); }

}  // namespace

LoadWindow::Ticket LoadWindow::begin(const RecordPlace& place, Record record) {
  ++open_;
  open_bytes_ += bytes_of(record);
  entries_.push_back({place, std::move(record), false});
  return first_ + entries_.size() - 1;
}

void LoadWindow::settle(Ticket ticket) {
  Entry& entry = entries_[ticket - first_];
  GYRE_ASSERT(!entry.settled);
  --open_;
  open_bytes_ -= bytes_of(entry.record);
  entry.settled = true;
  entry.record = {};
  while (!entries_.empty() && entries_.front().settled) {
    entries_.pop_front();
    ++first_;
  }
}

std::optional<RecordPlace> LoadWindow::first_open() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front().place;
}

}  // namespace gyre::cli
