// A program as a user of the installed library writes it: its own logic over gyre::Client, tested with the fake.
#include <iostream>
#include <string>

#include <gyre/client.h>
#include <gyre/fake_client.h>

namespace {

using namespace std::chrono_literals;

// Takes a lock for 10 s; false: somebody else holds it.
gyre::Result<bool> take_lock(gyre::Client& client, const std::string& name, const std::string& owner) {
  const auto taken = client.put("lock:" + name, owner, {.ttl = 10s, .condition = gyre::Condition::if_absent()});
  if (taken) return true;
  if (taken.error().code == gyre::ErrorCode::condition_failed) return false;
  return gyre::fail(taken.error());
}

int check(bool holds, const char* what) {
  if (!holds) std::cerr << "failed: " << what << '\n';
  return holds ? 0 : 1;
}

}  // namespace

int main() {
  const auto client = gyre::make_fake_client();
  int failures = 0;
  failures += check(*take_lock(*client, "job", "a"), "a free lock is taken");
  failures += check(!*take_lock(*client, "job", "b"), "a held lock is not");
  client->advance(10s);
  failures += check(*take_lock(*client, "job", "b"), "an expired lock is free");
  client->fail_next(1, {gyre::ErrorCode::unavailable, gyre::Outcome::not_applied, "down", {}});
  failures += check(!take_lock(*client, "job", "c"), "a failure is passed on");
  const gyre::CallOptions once{.ack = gyre::Ack::all(), .id = gyre::WriteId{.client = 1, .number = 1}};
  failures += check(*client->incr("n", 1, once) == *client->incr("n", 1, once), "a write id is applied once");
  failures += check(client->resume_session(client->session_token()).has_value(), "a session is resumed");
  const auto version = gyre::parse_version(gyre::to_string(gyre::Version{3, 4}));
  failures += check(version && version->sequence == 4, "versions as text");
  failures += check(gyre::to_string(gyre::ErrorCode::busy) == "busy", "codes as text");

  // The network client is linked too; nobody listens here.
  const auto connected = gyre::Client::connect({.seeds = {"127.0.0.1:1"}, .deadline = 50ms});
  failures += check(!connected && connected.error().code == gyre::ErrorCode::unavailable, "no cluster, a clear error");
  return failures;
}
