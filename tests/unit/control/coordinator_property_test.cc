// Random sequences of everything that can happen to a coordinator, with its invariants checked after each event.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support.h"

namespace gyre::control {
namespace {

struct World {
  Harness h;
  std::map<std::string, std::uint64_t> incarnations;
  std::vector<AnswerToken> asked;
  std::vector<ring::ClusterMap> confirmed;  // every map the coordinator ever showed
};

void note_map(World& w) {
  const ring::ClusterMapPtr map = w.h.machine->map();
  if (map && (w.confirmed.empty() || w.confirmed.back() != *map)) w.confirmed.push_back(*map);
}

void step(World& w) {
  const std::string id = "n" + std::to_string(*rc::gen::inRange(1, 6));
  std::uint64_t& incarnation = w.incarnations.try_emplace(id, 1).first->second;
  switch (*rc::gen::inRange(0, 12)) {
    case 0: ++incarnation; [[fallthrough]];
    case 1:
    case 2: w.asked.push_back(w.h.join(join_of(node_info(id, incarnation)))); break;
    case 3: {
      ring::NodeInfo copy = node_info(id, *rc::gen::inRange(0, 4));
      if (*rc::gen::arbitrary<bool>()) copy.addresses.native = "copy.test:1";
      if (*rc::gen::arbitrary<bool>()) copy.data_id = Uuid::from_words(9, 9);
      w.asked.push_back(w.h.join(join_of(copy)));
      break;
    }
    case 4: w.asked.push_back(w.h.heartbeat(id, incarnation)); break;
    case 5: w.asked.push_back(w.h.request(messages::StatusRequest{})); break;
    case 6: w.h.advance(std::chrono::milliseconds(*rc::gen::inRange(1, 1500))); break;
    case 7: w.h.store.set_swap_fault(static_cast<MemoryStore::SwapFault>(*rc::gen::inRange(0, 3))); break;
    case 8: w.h.store.set_load_fails(*rc::gen::inRange(0, 3) == 0); break;
    case 9: {
      w.h.store.set_load_fails(false);
      w.asked.clear();  // whoever asked the process that is gone gets no answer from the next
      w.h.restart();
      break;
    }
    default: w.h.step_store(); break;
  }
  note_map(w);
}

RC_GTEST_PROP(CoordinatorProperty, EveryRequestIsAnsweredAndNothingGoesBack, ()) {
  World w{Harness(config_of(*rc::gen::inRange(1u, 4u), *rc::gen::inRange(1u, 4u))), {}, {}, {}};
  const int steps = *rc::gen::inRange(1, 120);
  for (int i = 0; i < steps; ++i) step(w);

  // Heal: everyone is answered, and the machine comes to rest in a state that the store has.
  w.h.store.set_swap_fault(MemoryStore::SwapFault::none);
  w.h.store.set_load_fails(false);
  w.h.settle();
  w.h.advance(2 * kTiming.detection);
  w.h.settle();
  note_map(w);
  for (const AnswerToken token : w.asked) RC_ASSERT(w.h.answered(token));
  RC_ASSERT(bool(w.h.machine->ready()));
  RC_ASSERT((*w.h.store.load())->map == *w.h.machine->map());

  for (std::size_t i = 1; i < w.confirmed.size(); ++i) {
    const ring::ClusterMap& before = w.confirmed[i - 1];
    const ring::ClusterMap& after = w.confirmed[i];
    RC_ASSERT(after.epoch > before.epoch);
    for (std::size_t p = 0; p < before.entries.size(); ++p) {
      const auto& a = before.entries[p];
      const auto& b = after.entries[p];
      RC_ASSERT(b.term >= a.term);
      const bool same_appointment = a.primary == b.primary && a.primary_incarnation == b.primary_incarnation;
      RC_ASSERT(same_appointment == (a.term == b.term));
    }
    for (const ring::NodeInfo& node : before.nodes) {
      const ring::NodeInfo* later = after.find_node(node.id);
      RC_ASSERT(later != nullptr);
      RC_ASSERT(later->data_id == node.data_id);
      RC_ASSERT(later->incarnation >= node.incarnation);
    }
  }
}

}  // namespace
}  // namespace gyre::control
