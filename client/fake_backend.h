// A whole cluster in memory, for FakeClient.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "client/backend.h"
#include "routing/session.h"

namespace gyre::client {

// One node that is primary of every partition. THREAD: any.
class FakeBackend final : public Backend {
 public:
  FakeBackend();

  void submit(Result<messages::RequestBody> body, std::chrono::milliseconds deadline, Handler done) override;
  ring::ClusterMapPtr map() const override { return map_; }
  bool on_callback_thread() const override { return false; }  // waiting is safe: nothing runs later
  std::size_t value_bytes_max() const override { return limits::kValueBytesDefaultMax; }
  std::string session_token() override;
  Result<void> resume_session(std::string_view token) override;
  void reset_session() override;

  void advance(std::chrono::milliseconds time);
  void fail_next(std::uint32_t calls, Error error);

 private:
  struct Partition {
    std::map<std::string, messages::Record, std::less<>> records;
    Sequence last;
  };
  struct Known {  // a write that has an id
    std::vector<messages::WriteOperation> operations;
    messages::WriteResponse response;
  };

  Result<messages::ResponseBody> serve(const messages::RequestBody& body);
  Result<messages::ResponseBody> get(const messages::GetRequest& request) const;
  Result<messages::ResponseBody> write(PartitionId partition, const messages::WriteRequest& request);
  Result<messages::WriteResponse> apply_all(PartitionId id, const messages::WriteRequest& request);
  messages::Standing standing(PartitionId partition) const;
  Result<messages::ResponseBody> scan(const messages::ScanRequest& request) const;
  Result<messages::WriteOutcome> apply(Partition& partition, const messages::WriteOperation& operation) const;
  const messages::Record* find(const Partition& partition, std::string_view key) const;
  bool expired(const messages::Record& record) const;
  std::int64_t ttl_of(const messages::Record& record) const;
  UnixMillis expiry_of(const messages::WriteOperation& operation, const messages::Record* before) const;

  ring::ClusterMapPtr map_;
  mutable std::mutex mutex_;  // of all below
  std::vector<Partition> partitions_;
  std::map<messages::WriteId, Known> known_;
  routing::Session session_;
  UnixMillis now_{1'000'000'000'000};
  std::uint32_t failures_left_ = 0;
  Error failure_;
};

}  // namespace gyre::client
