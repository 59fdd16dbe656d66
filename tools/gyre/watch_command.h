// `gyre cluster watch`: the cluster, live.
#pragma once

#include "tools/gyre/command.h"

namespace gyre::cli {

void add_cluster_watch(CLI::App* cluster, Context& context);

}  // namespace gyre::cli
