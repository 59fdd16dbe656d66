// A client without a cluster, for tests of programs that use Gyre: the same semantics, in memory, with a clock and
// failures under the test's control.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "gyre/client.h"

namespace gyre {

// One member holds everything, so all levels of Ack and Read come to the same, and nothing is ever lost.
// Callbacks run within the call that they belong to. Safe to use from any number of threads.
class FakeClient : public Client {
 public:
  // Lets time pass, for expiry. It stands still otherwise.
  virtual void advance(std::chrono::milliseconds time) = 0;
  // The next `calls` calls fail with `error` and have no effect; of a scan, mget or mput, each request counts as one.
  virtual void fail_next(std::uint32_t calls, Error error) = 0;
};

// Empty, and with as many partitions as a cluster has by default, so that the same batches are refused.
std::unique_ptr<FakeClient> make_fake_client();

}  // namespace gyre
