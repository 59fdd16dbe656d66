#include "redis/execution.h"

#include <utility>

namespace gyre::redis {

Step Execution::start() {
  if (auto* reply = std::get_if<Reply>(&plan_)) return std::move(*reply);
  if (auto* write = std::get_if<WritePlan>(&plan_)) return DoWrites{std::move(write->operations), write->divisible};
  if (const auto* read = std::get_if<ReadPlan>(&plan_)) return DoReads{read->reads, false};
  if (auto* scan = std::get_if<ScanPlan>(&plan_)) return DoScan{std::move(*scan)};
  const std::vector<Read>& reads = std::get<UpdatePlan>(plan_).reads;
  return reads.empty() ? on_found({}) : DoReads{reads, true};
}

Step Execution::on_found(std::span<const Found> found) {
  if (const auto* read = std::get_if<ReadPlan>(&plan_)) return read->reply(found);
  Decision decision = std::get<UpdatePlan>(plan_).decide(found);
  if (decision.operations.empty()) return std::move(decision.reply);
  decided_ = std::move(decision.reply);
  return DoWrites{std::move(decision.operations), false};
}

Step Execution::on_written(Written written) {
  if (const auto* write = std::get_if<WritePlan>(&plan_)) return write->reply(written);
  if (written) return std::move(decided_);
  const Error& why = written.error();
  if (why.code != ErrorCode::condition_failed || why.outcome == Outcome::unknown) return error_reply(why);
  if (attempts_++ == kAttemptsMax) return Reply::error("TRYAGAIN the key changes too fast: others write it, too");
  return DoReads{std::get<UpdatePlan>(plan_).reads, true};
}

}  // namespace gyre::redis
