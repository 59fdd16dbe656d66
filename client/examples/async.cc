// Keeps thousands of calls in flight from one thread: callbacks for many, a future for one.
#include <atomic>
#include <iostream>
#include <latch>
#include <string>
#include <vector>

#include "gyre/client.h"

namespace {

constexpr int kKeys = 10'000;

}  // namespace

int main(int argc, char** argv) {
  auto connected = gyre::Client::connect({.seeds = std::vector<std::string>(argv + 1, argv + argc)});
  if (!connected) {
    std::cerr << connected.error().to_string() << '\n';
    return 1;
  }
  gyre::Client& client = **connected;

  std::latch done(kKeys);
  std::atomic<int> stored = 0;
  for (int i = 0; i < kKeys; ++i) {
    client.put("async:" + std::to_string(i), "value", {}, [&](gyre::Result<gyre::Version> version) {
      if (version) ++stored;
      done.count_down();
    });
  }
  done.wait();
  std::cout << stored << " of " << kKeys << " keys stored\n";

  auto value = client.get("async:1", {}, gyre::use_future);
  const auto result = value.get();
  std::cout << "async:1 = " << (result ? result->data : result.error().to_string()) << '\n';
  return stored == kKeys ? 0 : 1;
}
