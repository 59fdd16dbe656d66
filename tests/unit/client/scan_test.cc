#include "client/scan.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "client/fake_backend.h"
#include "gyre/fake_client.h"

namespace gyre {
namespace {

std::vector<std::string> scan_all(Client& client, const ScanOptions& options, int* pages = nullptr) {
  std::vector<std::string> keys;
  std::string cursor;
  do {
    const auto page = client.scan(options, cursor);
    EXPECT_TRUE(page) << page.error().message;
    if (!page) return keys;
    EXPECT_LE(page->items.size(), options.page_items);
    for (const auto& item : page->items) keys.push_back(item.key);
    cursor = page->cursor;
    if (pages) ++*pages;
  } while (!cursor.empty());
  return keys;
}

TEST(Scan, SeesEveryKeyOnceWhateverTheSizeOfAPage) {
  auto client = make_fake_client();
  std::set<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = i % 3 ? "{dense}" + std::to_string(i) : "key" + std::to_string(i);
    ASSERT_TRUE(client->put(key, "v"));
    expected.insert(key);
  }
  for (const std::uint32_t page_items : {1U, 2U, 7U, 100U, 999U, 1000U, 1001U, 10'000U}) {
    const auto keys = scan_all(*client, {.page_items = page_items});
    EXPECT_EQ(keys.size(), expected.size()) << page_items;
    EXPECT_EQ(std::set(keys.begin(), keys.end()), expected) << page_items;
  }
}

TEST(Scan, FillsPagesAcrossSparsePartitions) {
  auto client = make_fake_client();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client->put("key" + std::to_string(i), "v"));
  int pages = 0;
  EXPECT_EQ(scan_all(*client, {.page_items = 50}, &pages).size(), 100U);
  EXPECT_LE(pages, 3);
  pages = 0;
  EXPECT_EQ(scan_all(*client, {.page_items = 1000}, &pages).size(), 100U);
  EXPECT_EQ(pages, 1);
}

TEST(Scan, GivesOnlyKeysWithThePrefix) {
  auto client = make_fake_client();
  for (const char* key : {"a", "user:1", "user:2", "user", "users", "z", "{user:}1", "{user:}2"}) {
    ASSERT_TRUE(client->put(key, "v"));
  }
  auto keys = scan_all(*client, {.prefix = "user:"});
  std::ranges::sort(keys);
  EXPECT_EQ(keys, (std::vector<std::string>{"user:1", "user:2"}));
  EXPECT_EQ(scan_all(*client, {.prefix = "{user:}"}), (std::vector<std::string>{"{user:}1", "{user:}2"}));
  EXPECT_EQ(scan_all(*client, {.prefix = "{user:}", .page_items = 1}).size(), 2U);
  EXPECT_TRUE(scan_all(*client, {.prefix = "nobody"}).empty());
}

TEST(Scan, LeavesValuesOutWhenOnlyKeysAreWanted) {
  auto client = make_fake_client();
  ASSERT_TRUE(client->put("k", "v"));
  EXPECT_EQ(client->scan({.keys_only = true})->items.at(0).value.data, "");
  EXPECT_EQ(client->scan({})->items.at(0).value.data, "v");
}

TEST(Scan, RefusesAForeignCursorAndPassesErrorsOn) {
  auto client = make_fake_client();
  EXPECT_EQ(client->scan({}, "nonsense").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client->scan({}, "9999-").error().code, ErrorCode::invalid_argument);
  client->fail_next(1, Error{ErrorCode::unavailable, Outcome::not_applied, "down", {}});
  EXPECT_EQ(client->scan({}).error().code, ErrorCode::unavailable);
}

TEST(Scan, LargeValuesEndAPageEarlierAndNoneIsLost) {
  auto client = make_fake_client();
  const std::string value(5 << 20, 'x');
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(client->put(i % 2 ? "{a}" + std::to_string(i) : std::to_string(i), value));
  int pages = 0;
  EXPECT_EQ(scan_all(*client, {}, &pages).size(), 12U);
  EXPECT_GE(pages, 3);
  EXPECT_EQ(client->scan({})->items.size(), 4U);
}

// Counts what a page costs.
class CountingBackend final : public client::Backend {
 public:
  void submit(Result<messages::RequestBody> body, std::chrono::milliseconds deadline, Handler done) override {
    ++requests;
    inner.submit(std::move(body), deadline, std::move(done));
  }
  ring::ClusterMapPtr map() const override { return inner.map(); }
  bool on_callback_thread() const override { return false; }
  std::size_t value_bytes_max() const override { return inner.value_bytes_max(); }
  std::string session_token() override { return inner.session_token(); }
  Result<void> resume_session(std::string_view token) override { return inner.resume_session(token); }
  void reset_session() override { inner.reset_session(); }

  client::FakeBackend inner;
  int requests = 0;
};

TEST(Scan, AsksOnlyOnePartitionForAPageThatItFills) {
  CountingBackend backend;
  messages::WriteRequest write;
  for (int i = 0; i < 100; ++i) {
    messages::WriteOperation operation;
    operation.key = Bytes::copy_of("{a}" + std::to_string(i));
    write.operations.push_back(operation);
  }
  backend.inner.submit(write, {}, [](const auto& result) { ASSERT_TRUE(result); });
  const auto partition = backend.map()->partitioning().of("{a}");
  int items = 0;
  client::scan_page(backend, {.page_items = 10}, Read::any(), std::to_string(partition.value()) + "-",
                    [&](Result<ScanPage> page) { items = static_cast<int>(page->items.size()); });
  EXPECT_EQ(items, 10);
  EXPECT_EQ(backend.requests, 1);
  client::scan_page(backend, {.prefix = "{a}", .page_items = 1000}, Read::any(), "",
                    [&](Result<ScanPage> page) { EXPECT_TRUE(page->cursor.empty()); });
  EXPECT_EQ(backend.requests, 2) << "a prefix with a whole hash tag lies in one partition";
}

}  // namespace
}  // namespace gyre
