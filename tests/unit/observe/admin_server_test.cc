#include "observe/admin_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "observe/admin_client.h"
#include "support.h"

namespace gyre::observe {
namespace {

using testing::HasSubstr;

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    auto opened = AdminServer::open(
        {.address = "127.0.0.1:0", .title = "gyred node n1"},
        {.metrics = metrics,
         .ready = [this]() -> Result<void> {
           if (ready) return {};
           return fail(ErrorCode::unavailable, "the coordinator does not answer");
         },
         .map = [this]() -> ring::ClusterMapPtr {
           if (!ready) return nullptr;
           return std::make_shared<const ring::ClusterMap>(example_map());
         },
         .pages = {{"/page", "a page of its own", "text/html", [] { return "<p>"; }}},
         .actions = {{"/things", [](const auto& name, const auto& body) { return act_on(name, body); }}}});
    EXPECT_TRUE(opened) << opened.error().message;
    server = std::move(*opened);
  }

  static Result<std::string> act_on(const std::string& name, const std::string& body) {
    if (name == "t1") return name + " " + body;
    return fail(ErrorCode::invalid_argument, "there is no " + name);
  }
  httplib::Result get(const std::string& path) { return httplib::Client("http://" + server->address()).Get(path); }
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    return fd;
  }
  std::uint16_t port() const { return static_cast<std::uint16_t>(std::stoi(server->address().substr(10))); }

  MetricsRegistry metrics;
  std::atomic<bool> ready = false;
  std::unique_ptr<AdminServer> server;
};

TEST_F(AdminServerTest, SaysWhetherItLivesAndWhetherItServes) {
  EXPECT_EQ(get("/healthz")->status, 200);
  const auto refused = get("/readyz");
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->body, "the coordinator does not answer\n");
  ready = true;
  EXPECT_EQ(get("/readyz")->status, 200);
}

TEST_F(AdminServerTest, ShowsPagesOfItsRole) {
  const auto page = get("/page");
  EXPECT_EQ(page->body, "<p>");
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(get("/")->body, HasSubstr("/page        a page of its own"));
}

TEST_F(AdminServerTest, CarriesOutActionsThatAreAskedForInJson) {
  EXPECT_EQ(*admin_post(server->address(), "/things/t1", "{}"), "t1 {}");
  const auto refused = admin_post(server->address(), "/things/t2", "{}");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(refused.error().message, "there is no t2");
  // What a page of another site could make a browser send.
  const auto form = httplib::Client("http://" + server->address()).Post("/things/t1", "{}", "text/plain");
  EXPECT_EQ(form->status, 415);
  EXPECT_EQ(get("/things/t1")->status, 404);
}

TEST_F(AdminServerTest, IsAskedByItsClient) {
  EXPECT_EQ(*admin_get(server->address(), "/healthz"), "ok\n");
  const auto missing = admin_get(server->address(), "/nothing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::unavailable);
  EXPECT_THAT(missing.error().message, HasSubstr("answered 404"));
  EXPECT_EQ(admin_get("127.0.0.1:1", "/healthz").error().code, ErrorCode::unavailable);
  EXPECT_EQ(admin_get("nowhere", "/healthz").error().code, ErrorCode::invalid_argument);
}

TEST_F(AdminServerTest, ShowsMetricsMapAndIndex) {
  metrics.counter("gyre_x_total", "X").add(5);
  EXPECT_THAT(get("/metrics")->body, HasSubstr("gyre_x_total 5"));
  EXPECT_EQ(get("/map")->status, 503);
  ready = true;
  EXPECT_EQ(nlohmann::json::parse(get("/map")->body)["epoch"], 7);
  EXPECT_THAT(get("/")->body, HasSubstr("gyred node n1"));
}

TEST_F(AdminServerTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(get("/nonsense")->status, 404);
  httplib::Client client("http://" + server->address());
  EXPECT_EQ(client.Post("/healthz", "x", "text/plain")->status, 404);
  const auto large = client.Post("/healthz", std::string(1 << 20, 'x'), "text/plain");
  EXPECT_TRUE(!large || large->status >= 400);
  EXPECT_GE(get("/" + std::string(20'000, 'a'))->status, 400);
}

TEST_F(AdminServerTest, OutlivesWhoSendsGarbageAndLeaves) {
  for (const std::string& garbage : {std::string("\0\x01\x02\r\n\r\n", 7), std::string("GET"), std::string()}) {
    const int fd = connect();
    ASSERT_EQ(::send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL), static_cast<ssize_t>(garbage.size()));
    ::close(fd);
  }
  EXPECT_EQ(get("/healthz")->status, 200);
}

TEST_F(AdminServerTest, EndsARequestWithoutEnd) {
  const int fd = connect();
  const std::string line = "X-Header: " + std::string(1000, 'x') + "\r\n";
  std::size_t sent = 0;
  for (ssize_t bytes = ::send(fd, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL); bytes > 0 && sent < (64u << 20);) {
    bytes = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL);
    sent += line.size();
  }
  EXPECT_LT(sent, 64u << 20) << "it reads on and on";
  ::close(fd);
  EXPECT_EQ(get("/healthz")->status, 200);
}

TEST_F(AdminServerTest, AnAddressInUseIsRefusedByName) {
  const auto second = AdminServer::open({.address = server->address(), .title = "second"},
                                        {.metrics = metrics, .ready = {}, .map = {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_THAT(second.error().message, HasSubstr(server->address()));
  EXPECT_THAT(second.error().message, HasSubstr("ddress already in use"));
}

TEST(AdminServer, AnAddressThatIsNoneIsRefused) {
  MetricsRegistry metrics;
  const auto refused =
      AdminServer::open({.address = "nonsense", .title = ""}, {.metrics = metrics, .ready = {}, .map = {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace gyre::observe
