// Random messages within the limits of the wire, and a readable form of them to compare by.
#pragma once

#include <string>

#include <rapidcheck.h>

#include "messages/request.h"
#include "ring/placement.h"
#include "wire/codec.h"

namespace gyre::wire::testing {

rc::Gen<messages::Request> any_request();
rc::Gen<messages::Response> any_response();
rc::Gen<messages::Message> any_message();
rc::Gen<messages::Sender> any_sender();
rc::Gen<ring::ClusterMap> any_map();
rc::Gen<ring::MapDelta> any_delta();
rc::Gen<ring::Placement> any_placement();
rc::Gen<Settings> any_settings();

// One request, one response and one message.
messages::Frame any_frame();

// Every field of the frame, so that equal texts mean equal frames.
std::string describe(const messages::Frame& frame);

}  // namespace gyre::wire::testing
