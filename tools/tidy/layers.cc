// Who may include whom: the layers of STYLE.md section 3 and the homes of third-party libraries, as two tables.
#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "tools/tidy/code.h"
#include "tools/tidy/rules.h"

namespace gyre::tidy {
namespace {

using std::string_view;

struct Layer {
  string_view folder;
  int rank;  // a folder includes itself and folders of lower rank
};

constexpr std::array kLayers = {
    Layer{"include/gyre", 0},    Layer{"src/base", 1},    Layer{"src/ring", 2},        Layer{"src/messages", 3},
    Layer{"src/wire", 4},        Layer{"src/storage", 4}, Layer{"src/replication", 4}, Layer{"src/control", 4},
    Layer{"src/routing", 4},     Layer{"src/redis", 5},   Layer{"src/runtime", 5},     Layer{"src/net", 6},
    Layer{"src/observe", 7},     Layer{"src/resp", 7},    Layer{"src/node", 8},        Layer{"src/router", 8},
    Layer{"src/coordinator", 8}, Layer{"client", 8},      Layer{"tools", 9},           Layer{"tests", 10},
};

constexpr std::array<string_view, 6> kPureFolders = {"src/ring",    "src/messages", "src/replication",
                                                     "src/control", "src/routing",  "src/redis"};

struct Library {
  string_view name;
  std::span<const string_view> headers;  // prefixes of what is included
  std::span<const string_view> homes;    // prefixes of the paths that may
};

constexpr string_view kAsioHeaders[] = {"asio/", "asio.hpp"};
constexpr string_view kAsioHomes[] = {"src/net/", "tools/bench/echo", "tests/unit/net/"};
constexpr string_view kRocksHeaders[] = {"rocksdb/"};
constexpr string_view kRocksHomes[] = {"src/storage/", "tests/unit/storage/"};
constexpr string_view kCapnpHeaders[] = {"capnp/", "kj/", "wire/gyre.capnp.h", "gyre.capnp.h"};
constexpr string_view kCapnpHomes[] = {"src/wire/"};
constexpr string_view kHttpHeaders[] = {"httplib.h"};
constexpr string_view kHttpHomes[] = {"src/observe/", "tests/"};
constexpr string_view kPrometheusHeaders[] = {"prometheus/"};
constexpr string_view kPrometheusHomes[] = {"src/observe/", "tests/unit/observe/"};
constexpr string_view kFmtHeaders[] = {"fmt/"};
constexpr string_view kFmtHomes[] = {"src/", "client/", "tools/", "tests/"};
constexpr string_view kSpdlogHeaders[] = {"spdlog/"};
constexpr string_view kSpdlogHomes[] = {"src/base/",        "src/net/", "src/observe/", "src/node/", "src/router/",
                                        "src/coordinator/", "client/",  "tools/gyred/", "tests/"};
constexpr string_view kJsonHeaders[] = {"nlohmann/"};
constexpr string_view kJsonHomes[] = {"src/observe/", "src/coordinator/", "src/router/", "tools/", "tests/"};
constexpr string_view kTomlHeaders[] = {"toml++/"};
constexpr string_view kTomlHomes[] = {"src/base/", "tools/gyred/", "tests/"};
constexpr string_view kCliHeaders[] = {"CLI/"};
constexpr string_view kCliHomes[] = {"tools/"};
constexpr string_view kEditHeaders[] = {"histedit.h", "editline/"};
constexpr string_view kEditHomes[] = {"tools/gyre/"};
constexpr string_view kTestHeaders[] = {"gtest/", "gmock/", "rapidcheck.h", "rapidcheck/", "benchmark/"};
constexpr string_view kTestHomes[] = {"tests/"};

constexpr std::array kLibraries = {
    Library{"Asio", kAsioHeaders, kAsioHomes},
    Library{"RocksDB", kRocksHeaders, kRocksHomes},
    Library{"Cap'n Proto", kCapnpHeaders, kCapnpHomes},
    Library{"cpp-httplib", kHttpHeaders, kHttpHomes},
    Library{"prometheus-cpp", kPrometheusHeaders, kPrometheusHomes},
    Library{"fmt", kFmtHeaders, kFmtHomes},
    Library{"spdlog", kSpdlogHeaders, kSpdlogHomes},
    Library{"nlohmann-json", kJsonHeaders, kJsonHomes},
    Library{"toml++", kTomlHeaders, kTomlHomes},
    Library{"CLI11", kCliHeaders, kCliHomes},
    Library{"libedit", kEditHeaders, kEditHomes},
    Library{"GoogleTest, RapidCheck or Google Benchmark", kTestHeaders, kTestHomes},
};

// Standard and system headers the core may not see.
constexpr std::array<string_view, 18> kImpureHeaders = {"thread",    "mutex",      "shared_mutex", "condition_variable",
                                                        "atomic",    "future",     "latch",        "barrier",
                                                        "semaphore", "stop_token", "random",       "fstream",
                                                        "iostream",  "unistd.h",   "filesystem",   "time.h",
                                                        "ctime",     "fcntl.h"};
constexpr std::array<string_view, 10> kImpureWords = {"steady_clock",  "system_clock", "high_resolution_clock",
                                                      "clock_gettime", "gettimeofday", "random_device",
                                                      "secure_getenv", "getenv",       "fopen",
                                                      "thread_local"};

const Layer* layer_of(string_view path) {
  const auto it = std::ranges::find_if(kLayers, [&](const Layer& layer) {
    return path.starts_with(layer.folder) && path.substr(layer.folder.size()).starts_with('/');
  });
  return it == kLayers.end() ? nullptr : &*it;
}

bool has_prefix(string_view text, std::span<const string_view> prefixes) {
  return std::ranges::any_of(prefixes, [&](string_view prefix) { return text.starts_with(prefix); });
}

bool is_named_after_capnp(const File& file) {
  return file.name().ends_with("_capnp.cc") || file.name().ends_with("_capnp.h");
}

void check_include(const Tree& tree, const File& file, const Include& include, std::vector<Finding>& found) {
  const Layer* layer = layer_of(file.path);
  const File* target = resolve(tree, file, include.path);
  const Layer* below = target == nullptr ? nullptr : layer_of(target->path);
  if (layer != nullptr && below != nullptr && below->folder != layer->folder && below->rank >= layer->rank) {
    found.push_back({file.path, include.line, "layer",
                     fmt::format("{} may not include \"{}\": {} is not below it (src/README.md has the order)",
                                 layer->folder, include.path, below->folder)});
  }
  for (const auto& library : kLibraries) {
    if (!has_prefix(include.path, library.headers)) continue;
    const bool at_home = has_prefix(file.path, library.homes);
    if (!at_home || (library.name == "Cap'n Proto" && !is_named_after_capnp(file))) {
      found.push_back(
          {file.path, include.line, "library",
           fmt::format("<{}> is {}'s, whose home is {}{}", include.path, library.name, fmt::join(library.homes, ", "),
                       library.name == "Cap'n Proto" ? "*_capnp.{cc,h}" : "")});
    }
  }
}

void check_purity(const File& file, std::vector<Finding>& found) {
  for (const auto& include : includes_of(file.text)) {
    if (std::ranges::find(kImpureHeaders, include.path) != kImpureHeaders.end() ||
        (include.angled && include.path.starts_with("sys/"))) {
      found.push_back({file.path, include.line, "pure",
                       fmt::format("the core may not include <{}>: effects belong to the shell", include.path)});
    }
  }
  const std::string code = blank_text(file.text);
  for (const auto& word : words_of(code)) {
    if (std::ranges::find(kImpureWords, word.text) != kImpureWords.end()) {
      found.push_back({file.path, word.line, "pure",
                       fmt::format("the core may not use {}: its readings go in as arguments", word.text)});
    }
  }
}

}  // namespace

std::vector<Finding> check_layers(const Tree& tree) {
  std::vector<Finding> found;
  for (const auto& file : tree.files) {
    if (!file.is_code()) continue;
    for (const auto& include : includes_of(file.text)) check_include(tree, file, include, found);
    if (std::ranges::any_of(kPureFolders, [&](string_view folder) { return file.is_in(folder); })) {
      check_purity(file, found);
    }
  }
  return found;
}

}  // namespace gyre::tidy
