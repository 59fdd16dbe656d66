// One page of a scan: asks partition after partition, several at once where they are sparse.
#pragma once

#include <string_view>

#include "client/backend.h"
#include "gyre/client.h"

namespace gyre::client {

// `read` takes the place of what `options` say.
void scan_page(Backend& backend, const ScanOptions& options, Read read, std::string_view cursor,
               Callback<ScanPage> done);

}  // namespace gyre::client
