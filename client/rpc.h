// One request to one process, for tools that speak to a node or coordinator directly.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "messages/request.h"

namespace gyre::client {

// Connects, asks, and gives the answer; an Error in it becomes the Result's. Blocks up to `deadline`.
// ERRORS: the answer's; unavailable; timeout (outcome unknown once the request was sent).
Result<messages::ResponseBody> call(const std::string& address, messages::RequestBody body, Duration deadline);

// Asks one seed after the other until one answers without an error; each gets its share of the time left.
// ERRORS: the last seed's code, with what each of them said; invalid_argument (no seeds).
Result<messages::ResponseBody> call_any(const std::vector<std::string>& seeds, const messages::RequestBody& body,
                                        Duration deadline);

}  // namespace gyre::client
