// Runs a fuzz target without a fuzzer: over the files of a corpus, then over mutations of them that depend on the
// seed alone. A crash prints the number of its mutation, which can then be run by itself.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using gyre::Rng;

constexpr std::size_t kInputBytesMax = 1 << 20;

std::atomic<std::uint64_t> current = 0;

// Only async-signal-safe calls are allowed here.
extern "C" void tell_current(int signal) {
  std::array<char, 20> digits{};
  std::size_t at = digits.size();
  for (std::uint64_t rest = current; at == digits.size() || rest > 0; rest /= 10) {
    digits[--at] = static_cast<char>('0' + rest % 10);
  }
  constexpr char kText[] = "\ncrashed on mutation (0: a corpus file as it is; see the last name above): ";
  (void)!write(STDERR_FILENO, kText, sizeof(kText) - 1);
  (void)!write(STDERR_FILENO, digits.data() + at, digits.size() - at);
  (void)!write(STDERR_FILENO, "\n", 1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& corpus) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void mutate_once(Rng& rng, const std::vector<std::string>& corpus, std::string& input) {
  constexpr std::array<std::uint64_t, 8> kInteresting = {0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, ~0ull};
  if (input.empty()) input = corpus[rng.below(corpus.size())];
  if (input.empty()) input = "x";
  const std::size_t at = rng.below(input.size());
  switch (rng.below(6)) {
    case 0: input[at] ^= static_cast<char>(1u << rng.below(8)); break;
    case 1: input[at] = static_cast<char>(rng.next()); break;
    case 2: input.resize(at); break;
    case 3: input.insert(at, input.substr(rng.below(input.size()), 8 * rng.below(9))); break;
    case 4: {  // a number that means trouble in the place of some bytes, mostly aligned
      const std::uint64_t number = kInteresting[rng.below(kInteresting.size())];
      const std::size_t bytes = std::size_t{1} << rng.below(4);
      const std::size_t begin = rng.chance(0.9) ? at / bytes * bytes : at;
      input.replace(begin, bytes, reinterpret_cast<const char*>(&number), bytes);
      break;
    }
    default: {  // the beginning of this input, the end of another
      const std::string& other = corpus[rng.below(corpus.size())];
      if (!other.empty()) input = input.substr(0, at) + other.substr(rng.below(other.size()));
    }
  }
}

std::string mutation(std::uint64_t seed, std::uint64_t number, const std::vector<std::string>& corpus) {
  Rng rng(seed * 1'000'003 + number);
  std::string input = corpus[rng.below(corpus.size())];
  for (std::uint64_t i = 1 + rng.below(5); i > 0; --i) mutate_once(rng, corpus, input);
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  return input;
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 5) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER [MUTATIONS [SEED [ONLY_THIS_MUTATION]]]\n", argv[0]);
    return 2;
  }
  const auto number_at = [&](int i, std::uint64_t otherwise) {
    return i < argc ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  const std::filesystem::path corpus_folder = argv[1];
  const std::uint64_t mutations = number_at(2, 20'000);
  const std::uint64_t seed = number_at(3, 1);
  const std::uint64_t only = number_at(4, 0);

  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, tell_current);
  std::vector<std::string> corpus;
  for (const auto& path : files_in(corpus_folder)) {
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);
    corpus.push_back(read_file(path));
    if (only == 0) run(corpus.back());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no inputs: make_wire_corpus writes them\n", corpus_folder.c_str());
    return 2;
  }
  const std::uint64_t first = only == 0 ? 1 : only;
  const std::uint64_t last = only == 0 ? mutations : only;
  for (std::uint64_t number = first; number <= last; ++number) {
    current = number;
    run(mutation(seed, number, corpus));
  }
  std::printf("%zu files, %llu mutations of seed %llu: no crash\n", corpus.size(),
              static_cast<unsigned long long>(last - first + 1), static_cast<unsigned long long>(seed));
  return 0;
}
