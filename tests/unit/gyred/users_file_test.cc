#include "tools/gyred/users_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::daemon {
namespace {

using testing::HasSubstr;

constexpr const char* kHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string why(const std::string& text) {
  const auto users = parse_users(text, "users.toml");
  return users ? "fine" : users.error().message;
}

TEST(UsersFile, NamesUsersAndWhatTheyGet) {
  const auto users = parse_users(std::string("[default]\nnopass = true\n[app]\npassword_sha256 = \"") + kHash +
                                     "\"\nread = \"bounded:100\"\nack = \"all\"\nrate = 1000\nrate_burst = 50\n",
                                 "users.toml");
  ASSERT_TRUE(users) << users.error().message;
  ASSERT_EQ(users->size(), 2u);
  const resp::User& app = (*users)[0];
  EXPECT_EQ(app.name, "app");
  EXPECT_EQ(app.password_sha256, kHash);
  EXPECT_EQ(app.read->bound, std::chrono::milliseconds(100));
  EXPECT_EQ(app.ack, messages::kAckAll);
  EXPECT_EQ(app.rate.per_second, 1000);
  EXPECT_EQ(app.rate.burst, 50);
  EXPECT_TRUE((*users)[1].password_sha256.empty());
}

TEST(UsersFile, WhatIsWrongIsSaidWithItsLine) {
  EXPECT_THAT(why(""), HasSubstr("names no user"));
  EXPECT_THAT(why("app = 1\n"), HasSubstr("line 1: 'app' is no table"));
  EXPECT_THAT(why("[app]\n"), HasSubstr("either password_sha256, or nopass"));
  EXPECT_THAT(why(std::string("[app]\nnopass = true\npassword_sha256 = \"") + kHash + "\"\n"), HasSubstr("either"));
  EXPECT_THAT(why("[app]\npassword = \"secret\"\n"), HasSubstr("line 2: password: no such setting"));
  EXPECT_THAT(why("[app]\npassword_sha256 = \"secret\"\n"), HasSubstr("sha256sum"));
  EXPECT_THAT(why("[app]\nnopass = true\nread = \"often\"\n"), HasSubstr("line 3: read: primary"));
  EXPECT_THAT(why("[app]\nnopass = true\nack = 2\n"), HasSubstr("as a string"));
  EXPECT_THAT(why("[app]\nnopass = true\nrate = -1\n"), HasSubstr("from 0"));
  EXPECT_THAT(why("[app]\nnopass = true\nrate_burst = 5\n"), HasSubstr("no rate"));
  EXPECT_THAT(why("[\"a;b\"]\nnopass = true\n"), HasSubstr("without spaces and ';'"));
  EXPECT_THAT(why("[app\n"), HasSubstr("users.toml, line 1"));
  EXPECT_EQ(why("[app]\npassword = \"secret\"\n").find("\"secret"), std::string::npos) << "nothing secret in errors";
}

TEST(UsersFile, OneThatIsNotThereIsNamed) {
  const auto users = read_users_file("/nowhere/users.toml");
  ASSERT_FALSE(users);
  EXPECT_THAT(users.error().message, HasSubstr("--users /nowhere/users.toml cannot be read"));
  const auto directory = read_users_file("/");
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("--users / cannot be read"));
}

}  // namespace
}  // namespace gyre::daemon
