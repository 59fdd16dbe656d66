#include "wire/settings_capnp.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "wire/map_capnp.h"

namespace gyre::wire {

namespace {

constexpr std::uint64_t kLongMsMax = std::uint64_t{1} << 42;

}  // namespace

double decode_real(double value, std::string_view what) {
  if (!(std::isfinite(value) && value >= 0)) {
    refuse(ErrorCode::invalid_argument, fmt::format("{} of {}: a number of at least 0 is wanted", what, value));
  }
  return value;
}

double decode_weight(double weight) {
  if (!(weight > 0 && weight <= limits::kWeightMax)) {  // also refuses what is no number
    refuse(ErrorCode::invalid_argument,
           fmt::format("a weight of {}: above 0, at most {} is wanted", weight, limits::kWeightMax));
  }
  return weight;
}

double decode_factor(double factor) {
  if (!(factor == 0 || (factor >= 1 && std::isfinite(factor)))) {
    refuse(ErrorCode::invalid_argument,
           fmt::format("a p99 factor of {}: at least 1, or 0 for none, is wanted", factor));
  }
  return factor;
}

std::uint32_t decode_within(std::uint32_t value, std::uint32_t min, std::uint32_t max, std::string_view what) {
  if (value < min || value > max) {
    refuse(ErrorCode::invalid_argument, fmt::format("{} {}: {} to {} are allowed", value, what, min, max));
  }
  return value;
}

Duration decode_long_ms(std::uint64_t ms) {
  if (ms > kLongMsMax) {
    refuse(ErrorCode::invalid_argument, fmt::format("a duration of {} ms: at most 2^42 are allowed", ms));
  }
  return from_ms(static_cast<std::int64_t>(ms));
}

std::uint64_t long_ms(Duration duration) {
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(to_ms(duration), 0, kLongMsMax));
}

std::uint32_t short_ms(Duration duration) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(to_ms(duration), 0, kMax));
}

ring::MoveLimits decode_limits(schema::MoveLimits::Reader in) {
  return {.moves_per_node = decode_within(in.getMovesPerNode(), 1, limits::kMovesPerNodeMax, "moves of one node"),
          .bytes_per_second = in.getBytesPerSecond(),
          .p99_factor = decode_factor(in.getP99Factor())};
}

void encode_limits(const ring::MoveLimits& limits, schema::MoveLimits::Builder out) {
  out.setMovesPerNode(limits.moves_per_node);
  out.setBytesPerSecond(limits.bytes_per_second);
  out.setP99Factor(limits.p99_factor);
}

messages::MovePolicy decode_policy(schema::MovePolicy::Reader in) {
  return {.automatic = in.getAutomatic(),
          .paused = in.getPaused(),
          .spread_hot = in.getSpreadHot(),
          .replace_after = decode_long_ms(in.getReplaceAfterMs())};
}

void encode_policy(const messages::MovePolicy& policy, schema::MovePolicy::Builder out) {
  out.setAutomatic(policy.automatic);
  out.setPaused(policy.paused);
  out.setSpreadHot(policy.spread_hot);
  out.setReplaceAfterMs(long_ms(policy.replace_after));
}

Settings decode_settings(Decoding& decoding, schema::Settings::Reader in) {
  Settings settings;
  settings.policy = decode_policy(in.getPolicy());
  const auto nodes = in.getNodes();
  settings.nodes.reserve(decoding.count(nodes.size(), kNamedMax, "nodes"));
  for (const auto node : nodes) {
    messages::NodeSettings& out = settings.nodes.emplace_back();
    out.node = decode_node_id(node.getNode());
    decode_node_settings(decoding, node, out);
  }
  return settings;
}

void encode(const Settings& settings, schema::Settings::Builder out) {
  encode_policy(settings.policy, out.initPolicy());
  auto nodes = out.initNodes(size_of(settings.nodes));
  for (unsigned i = 0; i < nodes.size(); ++i) {
    auto node = nodes[i];
    node.setNode(text_of(settings.nodes[i].node.str()));
    encode_node_settings(settings.nodes[i], node);
  }
}

std::size_t words_of(const Settings& settings) {
  std::size_t words = struct_words<schema::Settings>() + struct_words<schema::MovePolicy>() + kListTagWords;
  for (const messages::NodeSettings& node : settings.nodes) {
    words += struct_words<schema::Settings::Node>() + words_for_text(node.node.str()) + words_of_node_settings(node);
  }
  return words;
}

}  // namespace gyre::wire
