// Random messages within the limits of the wire, and a readable form of them to compare by.
#pragma once

#include <string>

#include <rapidcheck.h>

#include "messages/request.h"
#include "ring/placement.h"

namespace gyre::wire::testing {

rc::Gen<messages::Request> any_request();
rc::Gen<messages::Response> any_response();
rc::Gen<ring::ClusterMap> any_map();
rc::Gen<ring::Placement> any_placement();

// Every field of the message, so that equal texts mean equal messages.
std::string describe(const messages::Request& request);
std::string describe(const messages::Response& response);
std::string describe(const messages::Frame& frame);

}  // namespace gyre::wire::testing
