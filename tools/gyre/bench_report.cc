// The result of a run as text and as JSON.
#include <string>

#include <fmt/format.h>

#include "tools/gyre/bench.h"

namespace gyre::cli {

namespace {

double micros(Duration duration) { return static_cast<double>(duration.count()) / 1000; }

Json latency_json(const LatencyHistogram& latency) {
  return {{"mean", micros(latency.mean())},          {"p50", micros(latency.quantile(0.5))},
          {"p90", micros(latency.quantile(0.9))},    {"p99", micros(latency.quantile(0.99))},
          {"p999", micros(latency.quantile(0.999))}, {"max", micros(latency.max())}};
}

Json tally_json(const BenchTally& tally) {
  return {{"operations", tally.operations()},
          {"misses", tally.misses.value()},
          {"errors", tally.errors.value()},
          {"latency_us", latency_json(tally.latency)}};
}

Json settings_json(const BenchOptions& options) {
  return {{"duration_ms", options.duration.count()},
          {"warmup_ms", options.warmup.count()},
          {"mix", options.read_percent},
          {"keys", options.keys},
          {"value_size", options.value_bytes},
          {"distribution", options.distribution},
          {"zipf_theta", options.distribution == "zipf" ? Json(options.zipf_theta) : Json(nullptr)},
          {"connections", options.connections},
          {"depth", options.depth},
          {"clients", options.clients},
          {"rate", options.rate > 0 ? Json(options.rate) : Json(nullptr)},
          {"preload", options.preload},
          {"resp", options.resp.empty() ? Json(nullptr) : Json(options.resp)},
          {"seed", options.seed}};
}

// "name -> count" of every error that came up.
Json errors_json(const BenchResult& result) {
  Json json = Json::object();
  for (std::size_t i = 0; i < result.errors_by_code.size(); ++i) {
    const auto count = result.errors_by_code[i].value();
    if (count > 0) json[std::string(to_string(error_code_of(static_cast<std::uint16_t>(i))))] = count;
  }
  return json;
}

std::string time_text(Duration duration) {
  const double us = micros(duration);
  if (us < 1000) return fmt::format("{:.0f} us", us);
  if (us < 1'000'000) return fmt::format("{:.2f} ms", us / 1000);
  return fmt::format("{:.2f} s", us / 1'000'000);
}

std::string row(std::string_view name, const LatencyHistogram& latency) {
  return fmt::format("{:<8}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}\n", name, with_commas(latency.count()),
                     time_text(latency.quantile(0.5)), time_text(latency.quantile(0.9)),
                     time_text(latency.quantile(0.99)), time_text(latency.quantile(0.999)), time_text(latency.max()));
}

}  // namespace

Json bench_json(const BenchOptions& options, const BenchResult& result) {
  return {{"operations", result.operations()},
          {"errors", result.errors()},
          {"errors_by_code", errors_json(result)},
          {"throughput", result.throughput()},
          {"seconds", result.seconds},
          {"unsent", result.unsent},
          {"interrupted", result.interrupted},
          {"latency_us", latency_json(result.latency)},
          {"reads", tally_json(result.reads)},
          {"writes", tally_json(result.writes)},
          {"settings", settings_json(options)}};
}

std::string bench_text(const BenchOptions& options, const BenchResult& result) {
  std::string text =
      fmt::format("{:<8}{:>12}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "", "operations", "p50", "p90", "p99", "p99.9", "max");
  text += row("reads", result.reads.latency);
  text += row("writes", result.writes.latency);
  text += row("all", result.latency);
  text +=
      fmt::format("\n{} operations/s over {:.1f} s, {}\n", with_commas(static_cast<std::uint64_t>(result.throughput())),
                  result.seconds, options.rate > 0 ? "open loop, latency from the intended send time" : "closed loop");
  if (result.reads.misses.value() > 0) {
    text += fmt::format("{} reads found no value (--preload writes all keys first)\n",
                        with_commas(result.reads.misses.value()));
  }
  if (result.unsent > 0) {
    text += fmt::format("{} operations were never sent: the cluster did not keep up with --rate\n",
                        with_commas(result.unsent));
  }
  if (result.errors() > 0) {
    text += fmt::format("{} errors:", with_commas(result.errors()));
    const auto errors = errors_json(result);
    for (const auto& [code, count] : errors.items()) {
      text += fmt::format(" {} {}", code, count.get<std::uint64_t>());
    }
    text += '\n';
  }
  return text;
}

}  // namespace gyre::cli
