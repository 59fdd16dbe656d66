// `gyre cluster set`: what operators set of the whole cluster.
#pragma once

#include "tools/gyre/command.h"

namespace gyre::cli {

void add_cluster_set(CLI::App* cluster, Context& context);

}  // namespace gyre::cli
