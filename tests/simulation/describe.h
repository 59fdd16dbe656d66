// Readable lines for traces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "messages/request.h"

namespace gyre::simulation {

// "append p3 t4 @4:17 +2 serving"
std::string describe(const messages::Message& message);
std::string describe(const messages::RequestBody& body);
std::string describe(const messages::ResponseBody& body);
// "t4 v7 n1*/g1 n2/g1 (n4)": the primary has a star, learners are in brackets.
std::string describe(const ring::PartitionEntry& entry);
// "n1 n3 n2"
std::string describe(const std::vector<NodeId>& nodes);
std::string_view describe(ring::Membership membership);

}  // namespace gyre::simulation
