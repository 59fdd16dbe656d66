#include "tools/tidy/code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyre::tidy {
namespace {

TEST(BlankText, KeepsCodeAndShape) {
  EXPECT_EQ(blank_text("a // b\nc"), "a     \nc");
  EXPECT_EQ(blank_text("a /* b\nb */ c"), "a     \n     c");
  EXPECT_EQ(blank_text(R"(f("x\"y{", '{', '\'');)"), R"(f("     ", ' ', '  ');)");
}

TEST(BlankText, KnowsDigitSeparatorsAndRawStrings) {
  EXPECT_EQ(blank_text("x = 1'000; y = '{';"), "x = 1'000; y = ' ';");
  EXPECT_EQ(blank_text("x = R\"a({\"})a\"; {"), "x =           ; {");
}

TEST(Includes, AreFoundOnlyWhereTheyAreDirectives) {
  const auto found = includes_of(
      "#include <vector>\n"
      "  #  include \"a/b.h\"\n"
      "// #include <no>\n"
      "auto s = R\"(\n"
      "#include <no>)\";\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].path, "vector");
  EXPECT_TRUE(found[0].angled);
  EXPECT_EQ(found[1].path, "a/b.h");
  EXPECT_FALSE(found[1].angled);
  EXPECT_EQ(found[1].line, 2u);
}

std::vector<std::pair<std::size_t, std::size_t>> spans(std::string_view source) {
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (const auto& f : functions_of(source)) result.emplace_back(f.first_line, f.last_line);
  return result;
}

using Spans = std::vector<std::pair<std::size_t, std::size_t>>;

TEST(Functions, AreFoundAtNamespaceAndClassScope) {
  EXPECT_EQ(spans("namespace n {\n"
                  "int f() {\n"
                  "  if (x) { return 1; }\n"
                  "}\n"
                  "class C final : public B {\n"
                  " public:\n"
                  "  void g() const {\n"
                  "  }\n"
                  "  int h_ = 0;\n"
                  "};\n"
                  "}\n"),
            (Spans{{2, 4}, {7, 8}}));
}

TEST(Functions, OfTemplatesAndWithLongHeadsBeginAtTheirFirstLine) {
  EXPECT_EQ(spans("template <class T, class U = std::vector<T>>\n"
                  "auto f(T t,\n"
                  "       U u = {}) -> int\n"
                  "{\n"
                  "}\n"),
            (Spans{{1, 5}}));
}

TEST(Functions, ConstructorsWithBracedInitialisersAreOne) {
  EXPECT_EQ(spans("C::C(int a) : a_{a}, b_(2), c_{[] { return 1; }} {\n"
                  "  run();\n"
                  "}\n"),
            (Spans{{1, 3}}));
}

TEST(Functions, AreNotInitialisersEnumsOrStructs) {
  EXPECT_EQ(spans("constexpr int kA[] = {1, 2};\n"
                  "enum class E : int { a, b };\n"
                  "struct alignas(16) S { int a{1}; };\n"
                  "#define M(x) { x\n"
                  "extern \"C\" { void f(); }\n"),
            Spans{});
}

TEST(Words, KnowWhatFollowsThem) {
  const auto words = words_of("a.sleep (1)\nb_2");
  ASSERT_EQ(words.size(), 4u);
  EXPECT_EQ(words[1].text, "sleep");
  EXPECT_EQ(words[1].next, '(');
  EXPECT_EQ(words[3].text, "b_2");
  EXPECT_EQ(words[3].line, 2u);
}

}  // namespace
}  // namespace gyre::tidy
