#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tidy/fixture.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Layers, LetAFolderUseItselfAndWhatIsBelow) {
  EXPECT_THAT(places(check_layers(tree_of({{"include/gyre/result.h", ""},
                                           {"src/base/ids.h", "#include \"gyre/result.h\"\n"},
                                           {"src/ring/slot.h", "#include \"base/ids.h\"\n"},
                                           {"src/ring/slot.cc", "#include \"ring/slot.h\"\n#include <vector>\n"}}))),
              IsEmpty());
}

TEST(Layers, RefuseWhatIsAbove) {
  EXPECT_THAT(
      places(check_layers(tree_of({{"src/net/loop.h", ""}, {"src/ring/slot.cc", "\n#include \"net/loop.h\"\n"}}))),
      ElementsAre("src/ring/slot.cc:2 layer"));
}

TEST(Layers, RefuseWhatIsBeside) {
  EXPECT_THAT(places(check_layers(
                  tree_of({{"src/storage/engine.h", ""}, {"src/wire/codec.cc", "#include \"storage/engine.h\"\n"}}))),
              ElementsAre("src/wire/codec.cc:1 layer"));
}

TEST(Layers, KnowToolsAndClient) {
  EXPECT_THAT(places(check_layers(tree_of({{"client/router.h", ""},
                                           {"tools/gyre/a.h", "#include \"client/router.h\"\n"},
                                           {"client/b.cc", "#include \"tools/gyre/a.h\"\n"}}))),
              ElementsAre("client/b.cc:1 layer"));
}

TEST(Libraries, AreIncludedOnlyAtHome) {
  EXPECT_THAT(places(check_layers(tree_of({{"src/net/loop.h", "#include <asio/io_context.hpp>\n"},
                                           {"src/node/node.cc", "#include <asio/io_context.hpp>\n"},
                                           {"src/storage/rocks.cc", "#include <rocksdb/db.h>\n"},
                                           {"tools/gyre/main.cc", "#include <rocksdb/db.h>\n"},
                                           {"include/gyre/a.h", "#include <fmt/format.h>\n"}}))),
              ElementsAre("include/gyre/a.h:1 library", "src/node/node.cc:1 library", "tools/gyre/main.cc:1 library"));
}

TEST(Libraries, CapnProtoIsOnlyInFilesNamedAfterIt) {
  EXPECT_THAT(places(check_layers(tree_of({{"src/wire/codec_capnp.cc", "#include <capnp/message.h>\n"},
                                           {"src/wire/framing.cc", "#include <kj/array.h>\n"},
                                           {"src/net/a_capnp.cc", "#include \"wire/gyre.capnp.h\"\n"}}))),
              ElementsAre("src/net/a_capnp.cc:1 library", "src/wire/framing.cc:1 library"));
}

TEST(Purity, KeepsEffectsOutOfTheCore) {
  EXPECT_THAT(places(check_layers(tree_of({{"src/ring/a.cc", "#include <mutex>\n#include <sys/stat.h>\n"},
                                           {"src/control/b.cc", "auto t = std::chrono::steady_clock::now();\n"},
                                           {"src/routing/c.cc", "// steady_clock is for others\n"},
                                           {"src/net/d.cc", "#include <mutex>\nsteady_clock::now();\n"}}))),
              ElementsAre("src/control/b.cc:1 pure", "src/ring/a.cc:1 pure", "src/ring/a.cc:2 pure"));
}

}  // namespace
}  // namespace gyre::tidy
