// Injected faults of one connection: frames that vanish, and frames that come late but in order.
#include "base/limits.h"
#include "net/faulty_ends.h"

namespace gyre::net {

using Direction = messages::FaultRule::Direction;

void Connection::set_faults(Faults* faults, std::string peer) {
  if (faults == nullptr) return;
  const bool fixed = !peer.empty();
  faulty_ =
      std::make_unique<FaultyEnds>(FaultyEnds{.faults = *faults, .peer = std::move(peer), .peer_is_fixed = fixed});
}

// True: the frame that has come is not to be handed on, at least not now.
bool Connection::vanishes_or_waits(messages::Frame& frame, std::size_t bytes) {
  if (const auto name = peer_named_in(frame); !faulty_->peer_is_fixed && !name.empty()) faulty_->peer = name;
  if (is_about_faults(frame)) return false;
  const auto delay = faulty_->faults.fate(faulty_->name(), Direction::in);
  if (!delay) return true;
  if (*delay == Duration(0) && faulty_->incoming.empty()) return false;
  faulty_->incoming.add(steady_now(), *delay, {std::move(frame), bytes});
  faulty_->incoming_bytes += bytes;
  release_incoming_later();
  return true;
}

void Connection::release_incoming_later() {
  if (faulty_->incoming.empty() || std::exchange(faulty_->incoming_armed, true)) return;
  loop_.after(faulty_->incoming.next() - steady_now(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->faulty_->incoming_armed = false;
    self->release_incoming();
  });
}

// Stops at a handler that holds reading; resume_reading() comes back here.
void Connection::release_incoming() {
  while (!held_ && !closing_ && !closed_) {
    auto item = faulty_->incoming.take_due(steady_now());
    if (!item) break;
    faulty_->incoming_bytes -= item->second;
    handler_->on_frame(std::move(item->first));
  }
  if (held_ || closing_ || closed_) return;
  release_incoming_later();
  // Whole frames may have been read while reading was held.
  deliver();
}

void Connection::send_what_is_about_faults() {
  for (Bytes& encoded : wire::encode_split(take_about_faults(outgoing_), limits_)) {
    output_bytes_ += encoded.size();
    unsent_.push_back(std::move(encoded));
  }
}

void Connection::send_unless_lost(Bytes encoded) {
  const auto delay = faulty_->faults.fate(faulty_->name(), Direction::out);
  if (!delay) return;
  output_bytes_ += encoded.size();
  if (*delay == Duration(0) && faulty_->outgoing.empty()) {
    unsent_.push_back(std::move(encoded));
    return;
  }
  faulty_->outgoing.add(steady_now(), *delay, std::move(encoded));
  release_outgoing_later();
}

void Connection::release_outgoing_later() {
  if (faulty_->outgoing.empty() || std::exchange(faulty_->outgoing_armed, true)) return;
  loop_.after(faulty_->outgoing.next() - steady_now(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->closed_) return;
    self->faulty_->outgoing_armed = false;
    self->release_outgoing();
  });
}

void Connection::release_outgoing() {
  while (auto encoded = faulty_->outgoing.take_due(steady_now())) unsent_.push_back(*std::move(encoded));
  release_outgoing_later();
  write();
}

bool Connection::holds_outgoing() const { return faulty_ && !faulty_->outgoing.empty(); }

// Frames that wait for their time take memory, as answers do that the peer does not take.
bool Connection::holds_too_much() const {
  return faulty_ && faulty_->incoming_bytes > limits::kConnectionOutputBytesMax;
}

}  // namespace gyre::net
