// The calls that are under way, in slots that are used again, and the way from a request's id back to its call.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "messages/request.h"
#include "routing/ids.h"

namespace gyre::routing {

enum class CallState : std::uint8_t {
  free,    // the slot is not in use
  parked,  // waits for a time or for a newer map
  queued,  // waits for its link to open; nothing was sent
  sent,    // one attempt is open
};

// Who serves a partition by the newest map.
struct Route {
  PeerIndex peer = kNoPeer;
  Term term;

  bool operator==(const Route&) const = default;
};

// A second attempt of a read, beside the first, at another member. No request: there is none.
struct Hedge {
  RequestId request = {};
  LinkId link = {};
  PeerIndex peer = kNoPeer;
  Instant sent_at = {};

  bool open() const { return request != RequestId(); }
};

struct PendingCall {
  CallId id;
  messages::RequestBody body;
  Instant deadline;
  std::uint64_t affinity = 0;
  std::optional<Position> seen = {};  // by a session of its own
  CallState state = CallState::free;
  bool wakes_on_map = false;   // parked: a newer map ends the wait
  std::optional<PartitionId> partition = {};  // none: not known without a map, or a question for the map
  std::uint32_t sendings = 0;
  std::uint32_t pauses = 0;    // how often it failed: the exponent of its backoff
  std::uint32_t tried = 0;     // members that failed a read one after the other; bits as in PartitionRoute
  bool pays = false;           // all of them: the next attempt draws on the budget
  Route to = {};               // of the last attempt
  Route sent_to = {};          // of the last attempt that was sent
  LinkId link = {};            // queued, sent
  RequestId request = {};      // sent: of the open attempt; else 0
  Instant sent_at = {};        // the last attempt
  Instant hedge_at = kNever;   // sent: when another member is to be asked as well
  Hedge hedge = {};            // sent: open
  Position asked = {};         // what the session had seen then
  Instant linger_until = kNever;  // an error that may last is retried until then
  Error last_error = {};       // of the last attempt that failed; no message: none did
  std::optional<Error> session_lost = {};  // a member's answer; the primary is being asked what survived

  // Of a write:
  bool own_id = false;         // its id is one of ours
  Instant named_at = {};       // when the id was first sent
  Instant unsure_since = {};   // the first sending that may have been applied, or the last one
  Duration age_given{0};       // of the caller's id, before all
  bool maybe_applied = false;  // some attempt had an unknown outcome

  bool is_write() const { return std::holds_alternative<messages::WriteRequest>(body); }
};

class CallTable {
 public:
  CallSlot add(PendingCall call);
  void remove(CallSlot slot);
  // Gives the call's next attempt its id; answers to the one before are no longer recognised.
  RequestId open_attempt(CallSlot slot);
  RequestId open_hedge(CallSlot slot);
  // An id that belongs to no call.
  RequestId foreign_id();
  // The call whose open attempt or hedge has this id; none: it ended, or the id is made up.
  std::optional<CallSlot> find(RequestId id) const;

  PendingCall& operator[](CallSlot slot) { return calls_[slot.value()]; }
  const PendingCall& operator[](CallSlot slot) const { return calls_[slot.value()]; }
  std::size_t size() const { return calls_.size() - free_.size(); }
  // Slots are 0 to slots() - 1; some are free.
  std::uint32_t slots() const { return static_cast<std::uint32_t>(calls_.size()); }

 private:
  std::vector<PendingCall> calls_;
  std::vector<std::uint32_t> free_;
  std::uint64_t serial_ = 0;
};

}  // namespace gyre::routing
