// For the tests of the commands; see base/precompiled.h.
#pragma once

#include "tests/precompiled.h"

#include "tools/gyre/precompiled.h"
