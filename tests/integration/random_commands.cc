#include "tests/integration/random_commands.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <utility>

namespace gyre::integration {

namespace {

constexpr std::int64_t kFarAway = 3600;  // seconds
constexpr std::size_t kKeys = 6;

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

RandomCommands::RandomCommands(std::uint64_t seed) : rng_(seed), far_seconds_(now_seconds() + kFarAway) {
  add_strings();
  add_updates();
  add_keys();
  add_expiries();
  add_questions();
}

std::vector<std::string> RandomCommands::keys() {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < kKeys; ++i) keys.push_back("{d}" + std::to_string(i));
  return keys;
}

std::vector<Words> RandomCommands::next() {
  std::vector<Words> commands;
  if (!one_in(30)) return {command()};
  if (one_in(3)) commands.push_back({"WATCH", key()});
  if (one_in(3)) commands.push_back(command_in_transaction());
  commands.push_back({"MULTI"});
  for (std::size_t left = below(5); left > 0; --left) commands.push_back(command_in_transaction());
  commands.push_back({one_in(6) ? "DISCARD" : "EXEC"});
  return commands;
}

Words RandomCommands::command() {
  Words words = sound_command();
  const bool pairs = words[0].starts_with('M') || words[0].starts_with('m');  // MSET and its like
  if (one_in(25) && !pairs) distort(words);
  return words;
}

Words RandomCommands::command_in_transaction() {
  static const std::vector<std::string> excluded{"KEYS", "DBSIZE", "FLUSHALL", "COMMAND", "DUMP"};
  while (true) {
    Words words = sound_command();
    std::string name = words[0];
    std::ranges::transform(name, name.begin(), [](unsigned char letter) { return std::toupper(letter); });
    if (std::ranges::find(excluded, name) != excluded.end()) continue;
    if (one_in(25)) words.resize(1);
    return words;
  }
}

Words RandomCommands::sound_command() {
  Words words = makers_[below(makers_.size())]();
  words[0] = cased(std::move(words[0]));
  return words;
}

void RandomCommands::add(int weight, Make make) {
  for (int i = 0; i < weight; ++i) makers_.push_back(make);
}

// --- Words ---

std::string RandomCommands::key() {
  static const std::vector<std::string> all = keys();
  return pick(all);
}

std::string RandomCommands::value() {
  switch (below(8)) {
    case 0: return integer();
    case 1: return pick({"1.5", "-0.25", "3.0e3", "1e400", "nan", "inf", "0x10", " 1", "1 ", "+1", "-0", "007"});
    case 2: return "";
    case 3: return std::string("\0\r\n$5\r\n\xff", 8);
    case 4: return std::string(40 + below(300), static_cast<char>('a' + below(26)));
    default: return pick({"ohmytext", "mynewtext", "hello world", "a", "10", "42", "1000000"});
  }
}

std::string RandomCommands::integer() {
  return pick({"0", "1", "-1", "7", "100", "-100", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
               "99999999999999999999", "12a", "", "1.0", " 3", "+4"});
}

std::string RandomCommands::offset() { return pick({"0", "1", "2", "5", "-1", "-3", "100", "-100", "x"}); }

std::string RandomCommands::lifetime(bool in_ms) {
  if (one_in(8)) return pick({"0", "-1", "-100", "x", "9223372036854775807", ""});
  return std::to_string((1000 + static_cast<std::int64_t>(below(1000))) * (in_ms ? 1000 : 1));
}

std::string RandomCommands::unix_time(bool in_ms) {
  if (one_in(4)) return pick({"1", "1000", "0", "-5", "x", in_ms ? "" : "9223372036854775807"});
  return std::to_string((far_seconds_ + static_cast<std::int64_t>(below(1000))) * (in_ms ? 1000 : 1));
}

std::string RandomCommands::cased(std::string word) {
  if (one_in(3)) {
    for (char& letter : word) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  }
  return word;
}

void RandomCommands::distort(Words& words) {
  if (words.size() > 1 && one_in(2)) {
    words.pop_back();
  } else {
    words.push_back(pick({"x", "NX", "XX", "GET", "0", "COUNT"}));
  }
}

// --- Commands ---

void RandomCommands::add_strings() {
  add(8, [this] { return Words{"GET", key()}; });
  add(6, [this] { return Words{"SET", key(), value()}; });
  add(8, [this] {
    Words words{"SET", key(), value()};
    for (std::size_t left = below(4); left > 0; --left) {
      switch (below(8)) {
        case 0: words.push_back(cased("NX")); break;
        case 1: words.push_back(cased("XX")); break;
        case 2: words.push_back(cased("GET")); break;
        case 3: words.push_back(cased("KEEPTTL")); break;
        case 4: words.insert(words.end(), {cased("EX"), lifetime(false)}); break;
        case 5: words.insert(words.end(), {cased("PX"), lifetime(true)}); break;
        case 6: words.insert(words.end(), {cased("EXAT"), unix_time(false)}); break;
        default: words.insert(words.end(), {cased("PXAT"), unix_time(true)}); break;
      }
    }
    return words;
  });
  add(2, [this] { return Words{"GETDEL", key()}; });
  add(2, [this] { return Words{"GETSET", key(), value()}; });
  add(2, [this] { return Words{"SETNX", key(), value()}; });
  add(2, [this] { return Words{"SETEX", key(), lifetime(false), value()}; });
  add(2, [this] { return Words{"PSETEX", key(), lifetime(true), value()}; });
  add(3, [this] { return Words{"MGET", key(), key(), key()}; });
  add(3, [this] { return Words{"MSET", key(), value(), key(), value()}; });
  add(2, [this] { return Words{"MSETNX", key(), value(), key(), value()}; });
  add(3, [this] { return Words{"STRLEN", key()}; });
  add(3, [this] { return Words{one_in(3) ? "SUBSTR" : "GETRANGE", key(), offset(), offset()}; });
  add(3, [this] {
    Words words{"GETEX", key()};
    switch (below(6)) {
      case 0: words.push_back(cased("PERSIST")); break;
      case 1: words.insert(words.end(), {cased("EX"), lifetime(false)}); break;
      case 2: words.insert(words.end(), {cased("PX"), lifetime(true)}); break;
      case 3: words.insert(words.end(), {cased("EXAT"), unix_time(false)}); break;
      case 4: words.insert(words.end(), {cased("PXAT"), unix_time(true)}); break;
      default: break;
    }
    return words;
  });
}

void RandomCommands::add_updates() {
  add(3, [this] { return Words{"APPEND", key(), value()}; });
  add(3, [this] { return Words{"SETRANGE", key(), pick({"0", "1", "5", "400", "-1", "x"}), value()}; });
  add(3, [this] { return Words{one_in(2) ? "INCR" : "DECR", key()}; });
  add(4, [this] { return Words{one_in(2) ? "INCRBY" : "DECRBY", key(), integer()}; });
  add(4, [this] {
    return Words{"INCRBYFLOAT", key(), pick({"1.5", "-0.1", "3e2", "0", "1e300", "nan", "inf", "x", "", "10"})};
  });
  add(3, [this] {
    Words words{"LCS", key(), key()};
    for (std::size_t left = below(4); left > 0; --left) {
      switch (below(4)) {
        case 0: words.push_back(cased("LEN")); break;
        case 1: words.push_back(cased("IDX")); break;
        case 2: words.push_back(cased("WITHMATCHLEN")); break;
        default: words.insert(words.end(), {cased("MINMATCHLEN"), pick({"0", "2", "4", "-1", "x"})}); break;
      }
    }
    return words;
  });
}

void RandomCommands::add_keys() {
  add(4, [this] { return Words{one_in(2) ? "DEL" : "UNLINK", key(), key()}; });
  add(2, [this] { return Words{one_in(2) ? "EXISTS" : "TOUCH", key(), key(), key()}; });
  add(2, [this] { return Words{"TYPE", key()}; });
  add(2, [this] { return Words{one_in(2) ? "RENAME" : "RENAMENX", key(), key()}; });
  add(2, [this] {
    Words words{"COPY", key(), key()};
    if (one_in(2)) words.push_back(cased("REPLACE"));
    if (one_in(4)) words.insert(words.end(), {cased("DB"), pick({"0", "x"})});
    return words;
  });
  add(2, [this] { return Words{"DUMP", key()}; });
  add(2, [this] {
    using namespace std::string_literals;
    static const std::vector<std::string> payloads{"\x00\xc0\n\n\x00n\x9fWE\x0e\xae"s + "c\xbb",
                                                   "\x00\x05hello\n\x00"s + "cr\xdfve4 \n", "no dump"};
    Words words{"RESTORE", key(), pick({"0", "0", "1234567", "-1", "x"}), pick(payloads)};
    if (one_in(2)) words.push_back(cased("REPLACE"));
    if (one_in(8)) words.insert(words.end(), {cased(pick({"IDLETIME", "FREQ"})), pick({"1", "-1", "256", "x"})});
    if (one_in(8)) words.push_back(pick({"ABSTTL", "x"}));
    return words;
  });
  add(1, [] { return Words{"DBSIZE"}; });
  add(2,
      [this] { return Words{"KEYS", pick({"*", "{d}?", "{d}[0-2]", "{d}[^1]", "{d}\\0", "nothing*", "[", "*d*"})}; });
  add(1, [this] { return Words{"FLUSHALL", pick({"SYNC", "ASYNC", "x"})}; });
}

void RandomCommands::add_expiries() {
  const auto condition = [this](Words words) {
    // Which of two lifetimes is longer may depend on a millisecond.
    const bool absolute = words[0].ends_with("AT");
    for (std::size_t left = one_in(3) ? 1 + below(2) : 0; left > 0; --left) {
      words.push_back(cased(absolute ? pick({"NX", "XX", "GT", "LT", "x"}) : pick({"NX", "XX", "x"})));
    }
    return words;
  };
  add(3, [this, condition] { return condition({"EXPIRE", key(), lifetime(false)}); });
  add(2, [this, condition] { return condition({"PEXPIRE", key(), lifetime(true)}); });
  add(2, [this, condition] { return condition({"EXPIREAT", key(), unix_time(false)}); });
  add(2, [this, condition] { return condition({"PEXPIREAT", key(), unix_time(true)}); });
  add(2, [this] { return Words{"PERSIST", key()}; });
  add(3, [this] { return Words{pick({"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"}), key()}; });
}

void RandomCommands::add_questions() {
  add(1, [this] { return Words{"PING", value()}; });
  add(1, [this] { return Words{"ECHO", value()}; });
  add(1, [this] { return Words{pick({"UNWATCH", "DISCARD", "EXEC", "READONLY", "WAIT"})}; });
  add(1, [this] { return Words{"SELECT", pick({"0", "x", "-1"})}; });
  add(1, [this] { return Words{"OBJECT", cased(pick({"ENCODING", "NONSENSE"})), "{d}missing"}; });
  add(1, [this] { return Words{"COMMAND", cased("GETKEYS"), pick({"GET", "MSET", "PING", "COPY"}), key(), value()}; });
  add(1, [this] { return Words{pick({"NONSENSE", "GETX", "SET\r\n", ""}), key(), value()}; });
  add(1, [this] { return Words{"CLIENT", cased(pick({"SETNAME", "NONSENSE"})), pick({"name", "a b", ""})}; });
  add(1, [this] { return Words{"CLIENT", cased("GETNAME")}; });
}

}  // namespace gyre::integration
