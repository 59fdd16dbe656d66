// Stores a value, reads it back, changes it only if nobody else did, lets one expire, and lists what is there.
#include <iostream>
#include <string>
#include <vector>

#include "gyre/client.h"

namespace {

using namespace std::chrono_literals;

gyre::Result<void> run(gyre::Client& client) {
  GYRE_TRY(client.put("user:1:name", "Ada"));
  GYRE_TRY_SET(const gyre::Value name, client.get("user:1:name"));
  std::cout << "user:1:name = " << name.data << ", version " << gyre::to_string(name.version) << '\n';

  GYRE_TRY(client.cas("user:1:name", name.version, "Ada Lovelace"));
  const auto late = client.cas("user:1:name", name.version, "Grace");
  std::cout << "a second writer with the old version: " << (late ? "stored" : late.error().to_string()) << '\n';

  GYRE_TRY(client.put("user:1:session", "token", {.ttl = 30s}));
  GYRE_TRY_SET(const auto left, client.ttl("user:1:session"));
  std::cout << "the session lives for another " << left->count() << " ms\n";

  std::string cursor;
  do {
    GYRE_TRY_SET(const gyre::ScanPage page, client.scan({.prefix = "user:1:"}, cursor));
    for (const auto& item : page.items) std::cout << item.key << " = " << item.value.data << '\n';
    cursor = page.cursor;
  } while (!cursor.empty());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  auto client = gyre::Client::connect({.seeds = std::vector<std::string>(argv + 1, argv + argc)});
  if (!client) {
    std::cerr << client.error().to_string() << '\n';
    return 1;
  }
  const auto outcome = run(**client);
  if (!outcome) std::cerr << outcome.error().to_string() << '\n';
  return outcome ? 0 : 1;
}
