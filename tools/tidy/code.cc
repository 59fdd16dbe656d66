#include "tools/tidy/code.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace gyre::tidy {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Replaces characters by spaces, never line ends.
class Blanker {
 public:
  explicit Blanker(std::string_view source) : text_(source) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (looking_at("//")) {
        blank_until_end_of_line();
      } else if (looking_at("/*")) {
        blank_to(end_of("*/", at_ + 2));
      } else if (looking_at("R\"") && (at_ == 0 || !is_word(text_[at_ - 1]) || text_[at_ - 1] == '8')) {
        blank_raw_string();
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !separates_digits())) {
        blank_quoted(text_[at_]);
      } else {
        ++at_;
      }
    }
    return std::move(text_);
  }

 private:
  bool looking_at(std::string_view what) const { return std::string_view(text_).substr(at_).starts_with(what); }

  std::size_t end_of(std::string_view what, std::size_t from) const {
    const auto found = text_.find(what, from);
    return found == std::string::npos ? text_.size() : found + what.size();
  }

  void blank_to(std::size_t end) {
    for (; at_ < end; ++at_) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }

  void blank_until_end_of_line() { blank_to(std::min(text_.find('\n', at_), text_.size())); }

  void blank_raw_string() {
    const auto open = text_.find('(', at_);
    if (open == std::string::npos) return blank_to(text_.size());
    const std::string close = ")" + text_.substr(at_ + 2, open - at_ - 2) + "\"";
    blank_to(end_of(close, open));
  }

  // The quotes stay, so that a string is still something.
  void blank_quoted(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') text_[at_++] = ' ';
      text_[at_] = ' ';
    }
    ++at_;
  }

  // The quote in 1'000'000.
  bool separates_digits() const {
    std::size_t begin = at_;
    while (begin > 0 && (is_word(text_[begin - 1]) || text_[begin - 1] == '\'')) --begin;
    return begin < at_ && std::isdigit(static_cast<unsigned char>(text_[begin])) != 0;
  }

  std::string text_;
  std::size_t at_ = 0;
};

void blank_preprocessor_lines(std::string& text) {
  bool continued = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto line = std::string_view(text).substr(begin, end - begin);
    const bool directive = continued || trim(line).starts_with('#');
    continued = directive && line.ends_with('\\');
    if (directive) std::fill(text.begin() + static_cast<long>(begin), text.begin() + static_cast<long>(end), ' ');
    begin = end + 1;
  }
}

enum class ScopeKind { container, function, other };

// What an opening brace begins, by the code before it back to the end of the last statement.
ScopeKind kind_of(std::string_view head) {
  constexpr std::array kContainers = {"namespace", "class", "struct", "union", "extern"};
  std::string plain;  // the head without template parameters and everything in parentheses
  int angles = 0;
  int parens = 0;
  bool called = false;  // has parentheses, those of alignas and attributes aside
  for (std::size_t i = 0; i < head.size(); ++i) {
    const char c = head[i];
    if (c == '(') {
      called = called || !trim(plain).ends_with("alignas");
      ++parens;
    } else if (c == ')') {
      --parens;
    } else if (parens == 0 && c == '<' && trim(plain).ends_with("template")) {
      angles = 1;
    } else if (angles > 0 && (c == '<' || c == '>')) {
      angles += c == '<' ? 1 : -1;
    } else if (parens == 0 && angles == 0) {
      plain += c;
    }
  }
  for (const auto& word : words_of(plain)) {
    if (!called && std::ranges::find(kContainers, word.text) != kContainers.end()) return ScopeKind::container;
  }
  return called ? ScopeKind::function : ScopeKind::other;
}

std::size_t skip_access_labels(std::string_view text, std::size_t at) {
  for (;;) {
    while (at < text.size() && is_space(text[at])) ++at;
    const auto rest = text.substr(at);
    constexpr std::array<std::string_view, 3> kLabels = {"public:", "protected:", "private:"};
    const auto label = std::ranges::find_if(kLabels, [&](std::string_view l) { return rest.starts_with(l); });
    if (label == kLabels.end()) return at;
    at += label->size();
  }
}

// Follows braces through the code and collects the functions.
class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view code) : code_(code) {}

  std::vector<FunctionSpan> run() {
    for (at_ = 0; at_ < code_.size(); ++at_) {
      const char c = code_[at_];
      if (c == '{') {
        open();
      } else if (c == '}') {
        close();
      } else if (in_container() && c == '(') {
        ++parens_;
      } else if (in_container() && c == ')') {
        --parens_;
      } else if (in_container() && c == ';' && parens_ == 0) {
        head_ = at_ + 1;
      }
    }
    return std::move(found_);
  }

 private:
  struct Scope {
    ScopeKind kind;
    std::size_t head;
  };

  bool in_container() const { return scopes_.empty() || scopes_.back().kind == ScopeKind::container; }

  void open() {
    const bool expression = !in_container() || parens_ > 0;
    scopes_.push_back({expression ? ScopeKind::other : kind_of(code_.substr(head_, at_ - head_)), head_});
    if (in_container()) head_ = at_ + 1;
  }

  void close() {
    if (scopes_.empty()) return;  // the code is not balanced; the compiler says so
    const Scope scope = scopes_.back();
    scopes_.pop_back();
    if (!in_container()) return;
    // `: a_{1}, b_{2} {`: these braces are part of a constructor's head.
    auto next = at_ + 1;
    while (next < code_.size() && is_space(code_[next])) ++next;
    if (scope.kind != ScopeKind::container && next < code_.size() &&
        (parens_ > 0 || code_[next] == ',' || code_[next] == '{')) {
      head_ = scope.head;
      return;
    }
    if (scope.kind == ScopeKind::function) {
      found_.push_back({line_of(skip_access_labels(code_, scope.head)), line_of(at_)});
    }
    head_ = at_ + 1;
  }

  std::size_t line_of(std::size_t offset) const {
    return 1 + static_cast<std::size_t>(std::ranges::count(code_.substr(0, offset), '\n'));
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::size_t head_ = 0;  // where the declaration being read begins
  int parens_ = 0;
  std::vector<Scope> scopes_;
  std::vector<FunctionSpan> found_;
};

}  // namespace

std::string blank_text(std::string_view source) { return Blanker(source).run(); }

std::vector<Include> includes_of(std::string_view source) {
  const std::string code = blank_text(source);
  std::vector<Include> found;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < source.size();) {
    const auto end = std::min(source.find('\n', begin), source.size());
    ++line;
    const auto text = trim(source.substr(begin, end - begin));
    const bool directive = trim(std::string_view(code).substr(begin, end - begin)).starts_with('#');
    begin = end + 1;
    if (!directive) continue;
    const auto word = trim(text.substr(1));
    if (!word.starts_with("include")) continue;
    const auto target = trim(word.substr(std::string_view("include").size()));
    if (target.empty() || (target.front() != '<' && target.front() != '"')) continue;
    const bool angled = target.front() == '<';
    const auto close = target.find(angled ? '>' : '"', 1);
    if (close == std::string_view::npos) continue;
    found.push_back({line, std::string(target.substr(1, close - 1)), angled});
  }
  return found;
}

std::vector<FunctionSpan> functions_of(std::string_view source) {
  std::string code = blank_text(source);
  blank_preprocessor_lines(code);
  return FunctionFinder(code).run();
}

std::vector<Word> words_of(std::string_view blanked) {
  std::vector<Word> words;
  std::size_t line = 1;
  for (std::size_t i = 0; i < blanked.size();) {
    if (blanked[i] == '\n') ++line;
    if (!is_word(blanked[i])) {
      ++i;
      continue;
    }
    auto end = i;
    while (end < blanked.size() && is_word(blanked[end])) ++end;
    auto next = end;
    while (next < blanked.size() && is_space(blanked[next])) ++next;
    words.push_back({line, blanked.substr(i, end - i), next < blanked.size() ? blanked[next] : '\0'});
    i = end;
  }
  return words;
}

}  // namespace gyre::tidy
