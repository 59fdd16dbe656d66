#include "routing/peers.h"

#include <gtest/gtest.h>

#include "routing/options.h"
#include "scripted_client.h"

namespace gyre::routing {
namespace {

using testing::kStart;

const Error kRefused{ErrorCode::unavailable, Outcome::not_applied, "refused", {}};

TEST(Peers, GivesEachAddressOneIndex) {
  Peers peers(1);
  const PeerIndex a = peers.index_of("a:1");
  EXPECT_NE(peers.index_of("b:1"), a);
  EXPECT_EQ(peers.index_of("a:1"), a);
  EXPECT_EQ(peers.address(a), "a:1");
}

TEST(Peers, PrefersAnOpenLinkToOneThatIsBeingConnected) {
  Peers peers(2);
  const PeerIndex a = peers.index_of("a:1");
  const auto first = peers.choose(kStart, a);
  ASSERT_TRUE(first && first->connect);
  EXPECT_EQ(first->link, *first->connect);
  peers.find(first->link)->open = true;
  const auto second = peers.choose(kStart, a);
  ASSERT_TRUE(second && second->connect);
  EXPECT_EQ(second->link, first->link);
  EXPECT_NE(*second->connect, first->link);
  EXPECT_FALSE(peers.choose(kStart, a)->connect) << "no more than it may have";
}

TEST(Peers, AnEndedLinkIsNeverFoundAgain) {
  Rng rng(1);
  Peers peers(1);
  const PeerIndex a = peers.index_of("a:1");
  const LinkId link = peers.choose(kStart, a)->link;
  peers.on_failure(kStart, link, kRefused, rng);
  EXPECT_EQ(peers.find(link), nullptr);
  const LinkId next = peers.choose(kStart, a)->link;
  EXPECT_NE(next, link);
  EXPECT_EQ(peers.find(link), nullptr);
  EXPECT_EQ(peers.find(LinkId()), nullptr);
}

TEST(Peers, SaysWhatHappenedLastWhileTheBreakerIsOpen) {
  Rng rng(1);
  Peers peers(1);
  const PeerIndex a = peers.index_of("a:1");
  for (std::uint32_t i = 0; i < kBreakerFailuresMax; ++i) {
    peers.on_failure(kStart, peers.choose(kStart, a)->link, kRefused, rng);
  }
  const auto choice = peers.choose(kStart, a);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::unavailable);
  EXPECT_NE(choice.error().message.find("refused"), std::string::npos);
  EXPECT_TRUE(peers.choose(kStart + kBreakerOpenFirst, a));
}

}  // namespace
}  // namespace gyre::routing
