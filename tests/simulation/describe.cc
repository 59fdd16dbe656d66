#include "tests/simulation/describe.h"

#include <fmt/format.h>

namespace gyre::simulation {

namespace {

using namespace messages;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

std::string of(PartitionId partition, Term term) { return fmt::format("p{} t{}", partition.value(), term.value()); }

std::string of(const std::vector<PartitionTerm>& items) {
  std::string text;
  for (const PartitionTerm& item : items) text += " " + of(item.partition, item.term);
  return text;
}

std::string acknowledged(const AppendAck& ack) {
  static constexpr const char* kStates[] = {"following", "unmatched", "repairing"};
  return fmt::format("ack {} @{} {}{}{}{} g{} promised {}", of(ack.partition, ack.term), to_string(ack.position),
                     kStates[static_cast<int>(ack.state)], ack.refused ? " refused" : "", ack.gap ? " gap" : "",
                     ack.whole ? "" : " learner", ack.generation.value(), ack.promised.value());
}

std::string sealed(const SealAnswer& answer) {
  std::string text = fmt::format("sealed g{}", answer.generation.value());
  for (const auto& item : answer.items) {
    text += fmt::format(" p{} promised {} @{}{} lease {} ms", item.partition.value(), item.promised.value(),
                        to_string(item.position), item.whole ? "" : " not whole", to_ms(item.lease_left));
  }
  return text;
}

std::string in_sync(const SetInSync& set) {
  std::string text = fmt::format("set in-sync {} v{}", of(set.partition, set.term), set.version);
  for (const auto& member : set.in_sync) text += fmt::format(" {}/g{}", member.node.str(), member.generation.value());
  return text + (set.release ? " (release)" : "");
}

std::string chunk(const SnapshotChunk& c) {
  return fmt::format("snapshot {} chunk {} of {} records{} @{}", of(c.partition, c.term), c.chunk, c.records.size(),
                     c.last ? ", the last" : "", to_string(c.position));
}

}  // namespace

std::string describe(const Message& message) {
  return std::visit(
      Overloaded{
          [](const Append& m) {
            return fmt::format("append {} @{} +{} after {}{}{}", of(m.partition, m.term), to_string(m.position),
                               m.writes.size(), to_string(m.previous), m.serving ? " serving" : "",
                               m.history.empty() ? "" : " with history");
          },
          [](const AppendAck& m) { return acknowledged(m); },
          [](const GivenUp& m) { return "given up " + of(m.partition, m.term); },
          [](const FetchKeys& m) { return fmt::format("fetch {} {} keys", of(m.partition, m.term), m.keys.size()); },
          [](const FetchedKeys& m) {
            return fmt::format("fetched {} {} keys @{}", of(m.partition, m.term), m.keys.size(), to_string(m.position));
          },
          [](const SnapshotAsk& m) { return fmt::format("ask {} chunk {}", of(m.partition, m.term), m.chunk); },
          [](const SnapshotChunk& m) { return chunk(m); },
          [](const Poll& m) { return "poll about " + m.suspect.str() + of(m.partitions); },
          [](const Seal& m) { return "seal" + of(m.partitions); },
          [](const Order& m) {
            return fmt::format("order {} {} {}", of(m.partition, m.term),
                               m.kind == Order::Kind::hand_over ? "hand over to" : "release", m.node.str());
          },
          [](const MapPush& m) {
            if (m.update.map) return fmt::format("map {}", m.update.map->epoch.value());
            return fmt::format("what changed up to map {}", m.update.delta->to.value());
          },
          [](const RetireAsk& m) { return fmt::format("may {} go?", of(m.partition, m.term)); },
          [](const RetireAnswer& m) {
            return fmt::format("{} is held to {}", of(m.partition, m.term), to_string(m.held));
          },
          [](const Retired& m) { return fmt::format("deleted p{}", m.partition.value()); },
          [](const PollAnswer& m) {
            std::string text = "polled";
            for (const auto& item : m.items) {
              text += fmt::format(" {} {}", of(item.partition, item.term), item.alive ? "alive" : "silent");
            }
            return text;
          },
          [](const SealAnswer& m) { return sealed(m); },
          [](const SetInSync& m) { return in_sync(m); },
          [](const HandedOver& m) {
            return fmt::format("handed over {} to {}", of(m.partition, m.term), m.successor.str());
          },
          [](const PeerDown& m) {
            return fmt::format("peer {}/{} down{}", m.peer.str(), m.incarnation.value(), m.refused ? " refused" : "");
          },
          [](const messages::Promises& m) { return "promised" + of(m.partitions); },
          [](const Leaving&) { return std::string("leaving"); },
          [](const Accounted& m) { return "accounted " + of(m.partition, m.term); },
          [](const NodeEvent& m) {
            static constexpr const char* kKinds[] = {"serving",  "stopped",   "rewound",        "lost writes",
                                                     "snapshot", "caught up", "storage failed", "deleted"};
            return fmt::format("event: {} {} {} {}", kKinds[static_cast<int>(m.kind)], of(m.partition, m.term), m.count,
                               m.detail);
          },
          [](const auto&) { return std::string("something else"); },
      },
      message);
}

std::string describe(const RequestBody& body) {
  static constexpr const char* kLevels[] = {"primary", "linearizable", "session", "bounded", "any"};
  return std::visit(Overloaded{
                        [](const GetRequest& r) {
                          return fmt::format("get {} {} seen {}", r.key.view(), kLevels[static_cast<int>(r.read.level)],
                                             to_string(r.read.seen));
                        },
                        [](const WriteRequest& r) {
                          static constexpr const char* kKinds[] = {"put", "del", "incr", "expire", "persist"};
                          std::string text = fmt::format("write {} ack {}", r.id.number.value(), r.ack);
                          for (const auto& op : r.operations) {
                            text += fmt::format(" {} {}={}", kKinds[static_cast<int>(op.kind)], op.key.view(),
                                                op.value.view());
                          }
                          return text;
                        },
                        [](const ScanRequest& r) {
                          return fmt::format("scan p{} {} {}", r.partition.value(), r.prefix.view(),
                                             kLevels[static_cast<int>(r.read.level)]);
                        },
                        [](const JoinRequest& r) {
                          return fmt::format("join incarnation {} generation {} knows {}", r.node.incarnation.value(),
                                             r.node.generation.value(), r.known.value());
                        },
                        [](const auto&) { return std::string("other request"); },
                    },
                    body);
}

std::string describe(const ResponseBody& body) {
  return std::visit(Overloaded{
                        [](const Error& e) { return e.to_string(); },
                        [](const GetResponse& r) {
                          return r.record ? fmt::format("{} version {} @{}", r.record->value.view(),
                                                        to_string(r.record->version), to_string(r.standing.position))
                                          : fmt::format("absent @{}", to_string(r.standing.position));
                        },
                        [](const WriteResponse& r) { return "written @" + to_string(r.standing.position); },
                        [](const ScanResponse& r) {
                          return fmt::format("{} items @{}", r.items.size(), to_string(r.standing.position));
                        },
                        [](const auto&) { return std::string("ok"); },
                    },
                    body);
}

std::string describe(const ring::PartitionEntry& entry) {
  std::string text = fmt::format("t{} v{}", entry.term.value(), entry.version);
  for (const auto& member : entry.in_sync) {
    text +=
        fmt::format(" {}{}/g{}", member.node.str(), member.node == entry.primary ? "*" : "", member.generation.value());
  }
  for (const auto& learner : entry.learners) text += " (" + learner.str() + ")";
  for (const auto& gone : entry.departed) text += " departed " + gone.str();
  for (const auto& deposed : entry.deposed) {
    text += fmt::format(" deposed {}:t{}", deposed.node.str(), deposed.term.value());
  }
  return text;
}

std::string describe(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId& node : nodes) text += (text.empty() ? "" : " ") + node.str();
  return text;
}

std::string_view describe(ring::Membership membership) {
  static constexpr std::string_view kNames[] = {"active", "draining", "away", "removing", "gone"};
  return kNames[static_cast<int>(membership)];
}

}  // namespace gyre::simulation
