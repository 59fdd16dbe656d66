// For the commands; see base/precompiled.h.
#pragma once

#include "base/precompiled.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
