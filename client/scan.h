// One page of a scan: asks partition after partition, several at once where they are sparse.
#pragma once

#include <string_view>

#include "client/backend.h"
#include "gyre/client.h"

namespace gyre::client {

void scan_page(Backend& backend, const ScanOptions& options, std::string_view cursor, Callback<ScanPage> done);

}  // namespace gyre::client
