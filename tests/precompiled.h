// For the tests; see base/precompiled.h.
#pragma once

#include "base/precompiled.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
