#include "client/scan.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "client/convert.h"
#include "client/cursor.h"
#include "ring/slot.h"

namespace gyre::client {

namespace {

// Partitions asked at once. As many as are expected to fill the page, so that little is fetched in vain.
constexpr std::uint32_t kPartitionsAtOnceMax = 64;

// A page ends behind the item that fills this, so that large values need little memory.
constexpr std::size_t kPageBytesMax = std::size_t{16} * 1024 * 1024;

// A prefix that holds a whole hash tag lies in one partition.
bool pins_partition(std::string_view prefix) { return ring::hash_tag(prefix).size() != prefix.size(); }

// Lives as long as one of its requests is under way. Requests go out in rounds; a round's answers are taken in the
// order of partitions once all are there. THREAD: that of the backend's handlers, after start().
class PageScan : public std::enable_shared_from_this<PageScan> {
 public:
  PageScan(Backend& backend, const ScanOptions& options, messages::ReadConsistency read, Cursor at,
           Callback<ScanPage> done)
      : backend_(backend),
        options_(options),
        read_(read),
        at_(std::move(at)),
        end_(backend.map()->shape.partitions),
        done_(std::move(done)) {
    options_.page_items = std::clamp<std::uint32_t>(options.page_items, 1, limits::kScanItemsMax);
    if (!pins_partition(options_.prefix)) return;
    const PartitionId only = backend.map()->partitioning().of(options_.prefix);
    if (only != at_.partition) at_ = {only, {}};
    end_ = only.value() + 1U;
  }

  void start_round() {
    const std::uint32_t first = at_.partition.value();
    const std::uint32_t count = std::min(partitions_wanted(), end_ - first);
    answers_.assign(count, messages::ScanResponse{});
    open_ = count;
    // A backend may answer within submit(): the last answer starts the next round, which must not happen in this loop.
    ++open_;
    for (std::uint32_t i = 0; i < count; ++i) {
      backend_.submit(
          request(first + i), options_.deadline,
          [self = shared_from_this(), i](Result<messages::ResponseBody> body) { self->on_answer(i, std::move(body)); });
    }
    end_of_one();
  }

 private:
  messages::RequestBody request(std::uint32_t partition) const {
    messages::ScanRequest request;
    request.partition = PartitionId(static_cast<std::uint16_t>(partition));
    request.prefix = Bytes::copy_of(options_.prefix);
    if (request.partition == at_.partition) request.after = Bytes::copy_of(at_.after);
    request.items_max = static_cast<std::uint32_t>(options_.page_items - page_.items.size());
    request.values_wanted = !options_.keys_only;
    request.read = read_;
    return request;
  }

  // Grows gently: to at most twice the round before, and no further than the page needs by what was found so far.
  std::uint32_t partitions_wanted() {
    const auto needed_for = [this](std::size_t missing, std::size_t found) {
      const std::size_t per_partition = found / std::max(partitions_done_, 1U);
      return missing / std::max<std::size_t>(per_partition, 1) + 1;
    };
    const std::size_t needed = std::min(needed_for(options_.page_items - page_.items.size(), page_.items.size()),
                                        needed_for(kPageBytesMax - page_bytes_, page_bytes_));
    const std::size_t most = std::min(round_size_ * 2, kPartitionsAtOnceMax);
    round_size_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(needed, 1, std::max<std::size_t>(most, 1)));
    return round_size_;
  }

  void on_answer(std::uint32_t index, Result<messages::ResponseBody> body) {
    auto taken = take_answer(index, std::move(body));
    if (!taken && !failure_) failure_ = std::move(taken).error();
    end_of_one();
  }

  Result<void> take_answer(std::uint32_t index, Result<messages::ResponseBody> body) {
    GYRE_TRY(body);
    GYRE_TRY_SET(answers_[index], to_scan(*std::move(body)));
    if (!answers_[index].more || !answers_[index].items.empty()) return {};
    return fail(ErrorCode::internal, "a node announced more keys without giving one; the scan cannot go on");
  }

  void end_of_one() {
    if (--open_ > 0) return;
    if (failure_) return done_(fail(std::move(*failure_)));
    if (take_round()) return done_(std::move(page_));
    start_round();
  }

  // True: the page is complete.
  bool take_round() {
    for (auto& answer : answers_) {
      for (auto& item : answer.items) {
        if (full()) return stop_at_last_item();
        page_bytes_ += item.key.size() + item.record.value.size();
        page_.items.push_back(to_key_value(std::move(item)));
        at_.after = page_.items.back().key;
      }
      if (answer.more) return full() ? stop_at_last_item() : false;  // false: its next part comes with the next round
      ++partitions_done_;
      at_ = {PartitionId(static_cast<std::uint16_t>(at_.partition.value() + 1)), {}};
      if (at_.partition.value() == end_) return true;
      if (full()) return stop_at_last_item();
    }
    return false;
  }

  bool full() const { return page_.items.size() == options_.page_items || page_bytes_ >= kPageBytesMax; }

  bool stop_at_last_item() {
    page_.cursor = to_string(at_);
    return true;
  }

  Backend& backend_;
  ScanOptions options_;
  messages::ReadConsistency read_;
  Cursor at_;  // what has been taken so far
  std::uint32_t end_;  // first partition not to be scanned
  Callback<ScanPage> done_;
  ScanPage page_;
  std::size_t page_bytes_ = 0;  // of keys and values
  std::uint32_t round_size_ = 0;
  std::uint32_t partitions_done_ = 0;
  std::uint32_t open_ = 0;  // answers missing in this round, and one for start_round() itself
  std::vector<messages::ScanResponse> answers_;
  std::optional<Error> failure_;
};

}  // namespace

void scan_page(Backend& backend, const ScanOptions& options, Read read, std::string_view cursor,
               Callback<ScanPage> done) {
  const auto refuse = [&](Error error) {
    backend.submit(fail(std::move(error)), {}, [done = std::move(done)](Result<messages::ResponseBody> body) mutable {
      done(fail(std::move(body).error()));
    });
  };
  const auto consistency = to_message(read);
  if (!consistency) return refuse(consistency.error());
  auto at = parse_cursor(cursor);
  if (!at) return refuse(std::move(at).error());
  if (at->partition.value() >= backend.map()->shape.partitions) {
    return refuse(
        Error{ErrorCode::invalid_argument, Outcome::not_applied, "this scan cursor belongs to another cluster", {}});
  }
  std::make_shared<PageScan>(backend, options, *consistency, *std::move(at), std::move(done))->start_round();
}

}  // namespace gyre::client
