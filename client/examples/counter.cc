// Counts from several threads at once, and moves an amount between two accounts so that nobody sees half of it.
#include <atomic>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "gyre/client.h"

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 1000;

int count(gyre::Client& client) {
  std::atomic<int> unknown = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        const auto sum = client.incr("visits");
        // Not counted, or counted without our knowing: only the latter is worth a second look.
        if (!sum && sum.error().outcome == gyre::Outcome::unknown) ++unknown;
      }
    });
  }
  threads.clear();
  return unknown;
}

}  // namespace

int main(int argc, char** argv) {
  auto connected = gyre::Client::connect({.seeds = std::vector<std::string>(argv + 1, argv + argc)});
  if (!connected) {
    std::cerr << connected.error().to_string() << '\n';
    return 1;
  }
  gyre::Client& client = **connected;

  const int unknown = count(client);
  const auto visits = client.get("visits");
  std::cout << "visits: " << (visits ? visits->data : visits.error().to_string()) << ", " << unknown
            << " of unknown outcome\n";

  // A common {hash tag} puts both accounts into one partition, so that one batch may change both.
  gyre::Batch transfer;
  transfer.incr("{bank}:ada", -10).incr("{bank}:grace", 10);
  const auto moved = client.write(std::move(transfer));
  if (!moved) {
    std::cerr << moved.error().to_string() << '\n';
    return 1;
  }
  std::cout << "ada: " << (*moved)[0].number << ", grace: " << (*moved)[1].number << '\n';
  return 0;
}
