#include "support.h"

#include "replication/evaluate.h"

namespace gyre::redis {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const bool quoted = line.front() == '\'';
    if (quoted) line.remove_prefix(1);
    const std::size_t end = std::min(line.find(quoted ? '\'' : ' '), line.size());
    words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    if (quoted && line.starts_with(' ')) line.remove_prefix(1);
  }
  return words;
}

std::vector<Found> Store::read(std::span<const Read> reads) {
  std::vector<Found> found;
  for (const Read& read : reads) {
    ++reads_;
    const auto it = records_.find(read.key.view());
    if (it == records_.end() || replication::expired(it->second, now)) {
      found.emplace_back();
      continue;
    }
    found.push_back({.record = it->second, .ttl_ms = replication::ttl_ms(it->second, now)});
    if (!read.value_wanted) found.back().record->value = {};
  }
  return found;
}

Written Store::write(const std::vector<messages::WriteOperation>& operations) {
  ++requests_;
  const Position next{position_.term, position_.sequence.next()};
  auto records = records_;
  std::vector<messages::WriteOutcome> outcomes;
  for (const auto& operation : operations) {
    const auto it = records.find(operation.key.view());
    GYRE_TRY_SET(auto evaluation,
                 replication::evaluate(operation, it == records.end() ? nullptr : &it->second, now, next));
    outcomes.push_back(evaluation.outcome);
    if (!evaluation.mutation) continue;
    records.erase(operation.key.str());
    if (evaluation.mutation->kind == messages::Mutation::Kind::put) {
      records.emplace(operation.key.str(), evaluation.mutation->record);
    }
  }
  records_ = std::move(records);
  position_ = next;
  return outcomes;
}

Parsed<Plan> Store::plan_of(std::string_view line) const { return plan_of(words_of(line)); }

Parsed<Plan> Store::plan_of(const std::vector<std::string>& words) const {
  const std::vector<std::string_view> views(words.begin(), words.end());
  const Arguments arguments(views);
  const auto command = resolve(arguments);
  if (!command) return std::unexpected(command.error());
  return plan(**command, arguments, {now, value_bytes_max});
}

Reply Store::run(const std::vector<std::string>& words) {
  auto made = plan_of(words);
  return made ? run(*std::move(made)) : made.error();
}

Reply Store::run(Plan plan) {
  Execution execution(std::move(plan));
  Step step = execution.start();
  while (!std::holds_alternative<Reply>(step)) {
    if (const auto* reads = std::get_if<DoReads>(&step)) {
      const bool update = reads->for_update;
      const auto found = read(reads->reads);
      if (update) in_between();
      step = execution.on_found(found);
    } else {
      step = execution.on_written(write(std::get<DoWrites>(step).operations));
    }
  }
  return std::get<Reply>(step);
}

std::string Store::run(std::string_view line, wire::RespVersion version) {
  std::string out;
  wire::RespWriter writer(out, version);
  redis::write(writer, run(words_of(line)));
  return out;
}

std::string Store::resp2(std::string_view line) { return run(line, wire::RespVersion::resp2); }
std::string Store::resp3(std::string_view line) { return run(line, wire::RespVersion::resp3); }

}  // namespace gyre::redis
