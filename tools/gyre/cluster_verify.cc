#include "tools/gyre/cluster_verify.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "client/rpc.h"
#include "tools/gyre/cluster_source.h"
#include "tools/gyre/render.h"

namespace gyre::cli {
namespace {

using namespace std::chrono_literals;
using messages::DigestResponse;

constexpr auto kDigestLimit = 30s;  // of one member and partition
constexpr int kAttemptsMax = 20;
constexpr auto kAttemptPause = 100ms;
constexpr std::size_t kWorkers = 4;

struct Verdict {
  enum class Kind : std::uint8_t { equal, differ, moving, silent };
  Kind kind = Kind::equal;
  std::map<NodeId, DigestResponse> digests;
  std::string why = {};  // silent
};

// One look at all members. Equal positions decide; anything else calls for another look.
Verdict look(const ring::ClusterMap& map, PartitionId partition, UnixMillis now) {
  Verdict verdict;
  for (const auto& member : map.entry(partition).in_sync) {
    const std::string& address = map.find_node(member.node)->addresses.native;
    auto answer = client::call(address, messages::DigestRequest{partition, now}, kDigestLimit);
    const auto* digest = answer ? std::get_if<DigestResponse>(&*answer) : nullptr;
    if (digest == nullptr) {
      return {Verdict::Kind::silent,
              {},
              fmt::format("{}: {}", member.node.str(), answer ? "no digest" : answer.error().message)};
    }
    verdict.digests.emplace(member.node, *digest);
  }
  const auto& first = verdict.digests.begin()->second;
  for (const auto& [node, digest] : verdict.digests) {
    if (digest.position != first.position || !digest.whole) verdict.kind = Verdict::Kind::moving;
  }
  if (verdict.kind == Verdict::Kind::moving) return verdict;
  for (const auto& [node, digest] : verdict.digests) {
    if (digest.digest != first.digest || digest.records != first.records) verdict.kind = Verdict::Kind::differ;
  }
  return verdict;
}

Verdict compare(const ring::ClusterMap& map, PartitionId partition) {
  Verdict verdict;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kAttemptPause);
    const UnixMillis now{to_ms(std::chrono::system_clock::now().time_since_epoch())};
    verdict = look(map, partition, now);
    if (verdict.kind == Verdict::Kind::equal || verdict.kind == Verdict::Kind::differ) break;
  }
  return verdict;
}

void show_progress(std::size_t done, std::size_t total) {
  if (!stderr_is_terminal()) return;
  fmt::print(stderr, "\r\x1b[K");
  if (done < total) fmt::print(stderr, "Comparing: {} of {} partitions", done, total);
  std::fflush(stderr);
}

std::vector<Verdict> compare_all(const ring::ClusterMap& map) {
  std::vector<Verdict> verdicts(map.entries.size());
  std::atomic<std::size_t> next{0};
  std::mutex progress_mutex;
  std::size_t done = 0;
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      for (std::size_t p = next++; p < verdicts.size(); p = next++) {
        const PartitionId partition(static_cast<std::uint16_t>(p));
        if (!map.entries[p].in_sync.empty()) verdicts[p] = compare(map, partition);
        const std::lock_guard lock(progress_mutex);
        show_progress(++done, verdicts.size());
      }
    });
  }
  workers.clear();
  return verdicts;
}

std::string describe(const Verdict& verdict) {
  if (verdict.kind == Verdict::Kind::silent) return verdict.why;
  std::string text;
  for (const auto& [node, digest] : verdict.digests) {
    text += fmt::format("{}{} at {}: {} records, {:016x}", text.empty() ? "" : "; ", node.str(),
                        to_string(digest.position), digest.records, digest.digest);
  }
  return text;
}

}  // namespace

Result<void> cluster_verify(const Context& context) {
  GYRE_TRY_SET(const ClusterSource source, find_answering_source(context));
  const std::vector<Verdict> verdicts = compare_all(*source.map);
  std::size_t counts[4] = {};
  std::size_t members = 0;
  std::uint64_t records = 0;
  Json problems = Json::array();
  for (std::size_t p = 0; p < verdicts.size(); ++p) {
    const Verdict& verdict = verdicts[p];
    ++counts[static_cast<std::size_t>(verdict.kind)];
    members += verdict.digests.size();
    if (!verdict.digests.empty()) records += verdict.digests.begin()->second.records;
    if (verdict.kind == Verdict::Kind::equal) continue;
    static constexpr const char* kNames[] = {"equal", "differ", "moving", "silent"};
    const char* name = kNames[static_cast<std::size_t>(verdict.kind)];
    problems.push_back({{"partition", p}, {"result", name}, {"detail", describe(verdict)}});
    if (!context.json && !context.quiet) print_line(fmt::format("partition {}: {}: {}", p, name, describe(verdict)));
  }
  if (context.quiet) {
    // The caller has the errors below.
  } else if (context.json) {
    print_json({{"equal", counts[0]},
                {"differ", counts[1]},
                {"moving", counts[2]},
                {"silent", counts[3]},
                {"members_compared", members},
                {"records", records},
                {"problems", problems}});
  } else {
    print_line(
        fmt::format("{} partitions equal on all their members ({} members compared, {} records), {} differ, {} "
                    "moving, {} silent.",
                    counts[0], members, with_commas(records), counts[1], counts[2], counts[3]));
  }
  if (counts[1] > 0) return fail(ErrorCode::corrupt, fmt::format("members differ in {} partitions", counts[1]));
  if (counts[2] + counts[3] > 0) {
    return fail(ErrorCode::unavailable,
                fmt::format("{} partitions could not be compared: wait until the load is less, or every member in sync "
                            "is up, and try again",
                            counts[2] + counts[3]));
  }
  return {};
}

}  // namespace gyre::cli
