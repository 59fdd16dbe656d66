#include "resp/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::resp {
namespace {

using messages::ReadLevel;
using testing::HasSubstr;
using testing::StartsWith;

const Users& some() {
  static const Users users({{.name = "app", .password_sha256 = sha256("secret"), .read = {{.level = ReadLevel::any}}},
                            {.name = "open", .ack = messages::kAckAll},
                            {.name = "default", .password_sha256 = sha256("word")}});
  return users;
}

std::string refusal(const redis::Parsed<Login>& login) {
  return login ? "none" : std::string(login.error().bytes.view());
}

TEST(Users, WithoutAnyEverybodyIsDefault) {
  const Users users;
  ASSERT_NE(users.unnamed(), nullptr);
  EXPECT_EQ(users.unnamed()->name, "default");
  EXPECT_TRUE(users.log_in("default", "whatever"));
  EXPECT_THAT(refusal(users.log_in("app", "whatever")), StartsWith("WRONGPASS"));
}

TEST(Users, APasswordIsKnownByItsHash) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(some().unnamed(), nullptr);
  const auto login = some().log_in("app", "secret");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->user->name, "app");
  EXPECT_EQ(login->user->read->level, ReadLevel::any);
  EXPECT_FALSE(login->read) << "nothing stood behind the name";
  for (const char* wrong : {"", "Secret", "secret ", "word"}) {
    EXPECT_THAT(refusal(some().log_in("app", wrong)), StartsWith("WRONGPASS")) << wrong;
  }
  EXPECT_THAT(refusal(some().log_in("nobody", "secret")), StartsWith("WRONGPASS"));
  EXPECT_TRUE(some().log_in("open", "anything"));
}

TEST(Users, LevelsMayStandBehindTheName) {
  const auto login = some().log_in("app;read=bounded:250;ack=2", "secret");
  ASSERT_TRUE(login);
  EXPECT_EQ(login->user->name, "app");
  EXPECT_EQ(login->read->level, ReadLevel::bounded);
  EXPECT_EQ(login->read->bound, std::chrono::milliseconds(250));
  EXPECT_EQ(login->ack, messages::AckCount(2));
  EXPECT_TRUE(some().log_in("app;", "secret"));
}

TEST(Users, WhatIsNoLevelIsSaid) {
  for (const char* name : {"app;read=often", "app;read=bounded", "app;read=any:5", "app;ack=0", "app;ack=8", "app;x=1",
                           "app;read", "app;ack=one;read=primary;more", "app;;ack=all"}) {
    EXPECT_THAT(refusal(some().log_in(name, "secret")), HasSubstr("read=primary, linearizable")) << name;
  }
  EXPECT_THAT(refusal(some().log_in("app;read=often", "wrong")), StartsWith("WRONGPASS")) << "the password first";
}

}  // namespace
}  // namespace gyre::resp
