#include "tools/gyre/scaling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string_view>

#include <fmt/format.h>

namespace gyre::cli {

namespace {

double millis(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

std::uint32_t most_nodes(const std::vector<ScalingStep>& steps) {
  std::uint32_t most = 0;
  for (const ScalingStep& step : steps) most = std::max(most, step.nodes);
  return most;
}

std::string whole(double number) { return with_commas(static_cast<std::uint64_t>(std::llround(number))); }

// --- The plot ---

constexpr double kWidth = 960;
constexpr double kHeight = 440;
constexpr double kTop = 70;
constexpr double kChartHeight = 290;
constexpr double kChartWidth = 380;
constexpr int kGridLines = 4;
// Told apart by people who do not see all colours, too (Okabe and Ito 2008).
constexpr std::array<std::string_view, 8> kColours = {"#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                      "#56b4e9", "#d55e00", "#999999", "#000000"};

std::string_view colour_of(std::uint32_t nodes) { return kColours[(nodes - 1) % kColours.size()]; }

// The next of 1, 2, 5, 10, 20, ... that is not below `value`.
double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (value <= step * power) return step * power;
  }
  return 10 * power;
}

struct Chart {
  double left;
  std::string title;
  double x_max;
  double y_max;
  std::function<double(const ScalingStep&)> value;

  double x(double offered) const { return left + offered / x_max * kChartWidth; }
  double y(double at) const { return kTop + kChartHeight - std::min(at / y_max, 1.0) * kChartHeight; }
};

std::string frame(const Chart& chart) {
  std::string svg = fmt::format(R"(<text x="{:.0f}" y="{:.0f}" font-size="14" font-weight="600">{}</text>)", chart.left,
                                kTop - 14, chart.title);
  for (int i = 0; i <= kGridLines; ++i) {
    const double at = chart.y_max * i / kGridLines;
    svg += fmt::format(R"(<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" stroke="#ddd"/>)"
                       R"(<text x="{:.1f}" y="{:.1f}" text-anchor="end">{:g}</text>)",
                       chart.left, chart.left + kChartWidth, chart.y(at), chart.y(at), chart.left - 6, chart.y(at) + 4,
                       at);
    const double offered = chart.x_max * i / kGridLines;
    svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{:g}</text>)", chart.x(offered),
                       kTop + kChartHeight + 18, offered);
  }
  return svg + fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">offered, operations a second</text>)",
                           chart.left + kChartWidth / 2, kTop + kChartHeight + 38);
}

std::string lines(const Chart& chart, const std::vector<ScalingStep>& steps) {
  std::string svg;
  for (std::uint32_t nodes = 1; nodes <= most_nodes(steps); ++nodes) {
    std::string points;
    for (const ScalingStep& step : steps) {
      if (step.nodes != nodes) continue;
      const double x = chart.x(step.offered);
      const double y = chart.y(chart.value(step));
      points += fmt::format("{:.1f},{:.1f} ", x, y);
      svg += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>)", x, y, colour_of(nodes));
    }
    svg += fmt::format(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>)", points, colour_of(nodes));
  }
  return svg;
}

}  // namespace

std::vector<double> scaling_loads(std::uint32_t nodes, std::uint32_t capacity) {
  std::vector<double> loads;
  for (const double share : {0.3, 0.6, 0.8, 0.95, 1.2, 1.5}) loads.push_back(share * nodes * capacity);
  return loads;
}

double most_served(const std::vector<ScalingStep>& steps, std::uint32_t nodes) {
  double most = 0;
  for (const ScalingStep& step : steps) {
    if (step.nodes == nodes) most = std::max(most, step.served);
  }
  return most;
}

std::string scaling_text(const ScalingOptions& options, const std::vector<ScalingStep>& steps) {
  std::string text = fmt::format(
      "Each node serves {} requests a second, {:g} % of them reads.\n\n{:>5} {:>11} {:>11} "
      "{:>10} {:>10} {:>9}\n",
      with_commas(options.capacity), options.read_percent, "NODES", "OFFERED/S", "SERVED/S", "P50", "P99", "FAILED");
  for (const ScalingStep& step : steps) {
    text += fmt::format("{:>5} {:>11} {:>11} {:>7.1f} ms {:>7.1f} ms {:>9}\n", step.nodes, whole(step.offered),
                        whole(step.served), millis(step.p50), millis(step.p99), with_commas(step.failed));
  }
  text += fmt::format("\n{:>5} {:>11} {:>12}\n", "NODES", "MOST/S", "OF ONE NODE");
  for (std::uint32_t nodes = 1; nodes <= most_nodes(steps); ++nodes) {
    const double most = most_served(steps, nodes);
    text += fmt::format("{:>5} {:>11} {:>11.2f}x\n", nodes, whole(most), most / std::max(most_served(steps, 1), 1.0));
  }
  return text;
}

Json scaling_json(const ScalingOptions& options, const std::vector<ScalingStep>& steps) {
  Json json{{"capacity", options.capacity}, {"mix", options.read_percent}, {"steps", Json::array()}};
  for (const ScalingStep& step : steps) {
    json["steps"].push_back({{"nodes", step.nodes},
                             {"offered", step.offered},
                             {"served", step.served},
                             {"p50_us", millis(step.p50) * 1000},
                             {"p99_us", millis(step.p99) * 1000},
                             {"failed", step.failed}});
  }
  json["most"] = Json::array();
  for (std::uint32_t nodes = 1; nodes <= most_nodes(steps); ++nodes) {
    json["most"].push_back({{"nodes", nodes}, {"served", most_served(steps, nodes)}});
  }
  return json;
}

std::string scaling_svg(const ScalingOptions& options, const std::vector<ScalingStep>& steps) {
  double offered = 1;
  double p99 = 1;
  for (const ScalingStep& step : steps) {
    offered = std::max(offered, step.offered);
    p99 = std::max(p99, millis(step.p99));
  }
  const Chart served{70, "served, operations a second", round_up(offered), round_up(offered),
                     [](const ScalingStep& step) { return step.served; }};
  const Chart latency{550, "p99 of those, ms", round_up(offered), round_up(p99),
                      [](const ScalingStep& step) { return millis(step.p99); }};
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" height="{1:.0f}" )"
      R"(font-family="system-ui, sans-serif" font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/>)"
      R"(<text x="70" y="28" font-size="17" font-weight="600">Nodes that serve {2} requests a second each</text>)",
      kWidth, kHeight, with_commas(options.capacity));
  for (const Chart& chart : {served, latency}) svg += frame(chart) + lines(chart, steps);
  for (std::uint32_t nodes = 1; nodes <= most_nodes(steps); ++nodes) {
    const double x = 70 + (nodes - 1) * 90.0;
    svg += fmt::format(R"(<rect x="{0:.0f}" y="{1:.0f}" width="14" height="4" fill="{2}"/>)"
                       R"(<text x="{3:.0f}" y="{4:.0f}">{5} node{6}</text>)",
                       x, kHeight - 20, colour_of(nodes), x + 20, kHeight - 14, nodes, nodes == 1 ? "" : "s");
  }
  return svg + "</svg>\n";
}

}  // namespace gyre::cli
