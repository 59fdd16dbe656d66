// What operators set: in maps, in stores, in requests and in answers.
#pragma once

#include <optional>

#include "wire/writes_capnp.h"

namespace gyre::wire {

// Finite and not negative.
double decode_real(double value, std::string_view what);
// Above 0, at most kWeightMax.
double decode_weight(double weight);
// At least 1, or 0.
double decode_factor(double factor);
// From `min` to `max`.
std::uint32_t decode_within(std::uint32_t value, std::uint32_t min, std::uint32_t max, std::string_view what);
// A duration of whole ms, at most 2^42: added to any clock reading or to each other, two do not overflow.
Duration decode_long_ms(std::uint64_t ms);
// Rounded down; what cannot travel is taken as the nearest that can.
std::uint64_t long_ms(Duration duration);
// The same of a field of 32 bits.
std::uint32_t short_ms(Duration duration);

ring::MoveLimits decode_limits(schema::MoveLimits::Reader in);
void encode_limits(const ring::MoveLimits& limits, schema::MoveLimits::Builder out);
messages::MovePolicy decode_policy(schema::MovePolicy::Reader in);
void encode_policy(const messages::MovePolicy& policy, schema::MovePolicy::Builder out);

// Of a group that is a union of `keep` and `to`.
template <class Group>
bool changes(Group in) {
  if (const auto tag = static_cast<unsigned>(in.which()); tag > 1) refuse_unknown("setting", tag);
  return in.isTo();
}
template <class Group, class Value>
void encode_change(const std::optional<Value>& value, Group out) {
  if (value) out.setTo(*value);
}

// Of anything with the groups `weight` and `zone`.
template <class Reader, class Target>
void decode_node_settings(const Decoding& decoding, Reader in, Target& out) {
  if (const auto weight = in.getWeight(); changes(weight)) out.weight = decode_weight(weight.getTo());
  if (const auto zone = in.getZone(); changes(zone)) out.zone = decoding.text(zone.getTo());
}
template <class Source, class Builder>
void encode_node_settings(const Source& settings, Builder out) {
  encode_change(settings.weight, out.getWeight());
  if (settings.zone) out.getZone().setTo(text_of(*settings.zone));
}
// Beside the struct itself.
template <class Source>
std::size_t words_of_node_settings(const Source& settings) {
  return settings.zone ? words_for_text(*settings.zone) : 0;
}

}  // namespace gyre::wire
