// A local cluster of a command's own, in a temporary directory: to break, or to measure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "gyre/result.h"
#include "tools/gyre/local_cluster.h"

namespace gyre::cli {

// A new directory for `command`. ERRORS: storage_failed.
Result<std::filesystem::path> make_scratch_directory(const std::string& command);
// A base port whose range is free now, for so many nodes. ERRORS: unavailable.
Result<std::uint32_t> free_base_port(std::uint32_t nodes, const std::string& command);
// Ends every process of the cluster, however it stands, and deletes it, unless `keep`. ERRORS: storage_failed.
Result<void> tear_down(const LocalCluster& cluster, bool keep);

}  // namespace gyre::cli
