// What operators have set, as cluster stores keep it beside the map.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"

namespace gyre::messages {

// What an operator has set of a node; it goes before what the node says of itself when it joins.
struct NodeSettings {
  NodeId node;
  std::optional<double> weight;
  std::optional<std::string> zone;

  bool operator==(const NodeSettings&) const = default;
};

}  // namespace gyre::messages
