// Asks another process's admin server.
#pragma once

#include <string>

#include "gyre/result.h"

namespace gyre::observe {

// The content of a page. `address`: "HOST:PORT". ERRORS: unavailable (nobody answers there, or with a refusal; the
// message says which), invalid_argument (the server refused the request; its own words).
Result<std::string> admin_get(const std::string& address, const std::string& path);
// Posts JSON and gives the answer. ERRORS: as above.
Result<std::string> admin_post(const std::string& address, const std::string& path, const std::string& json);

}  // namespace gyre::observe
