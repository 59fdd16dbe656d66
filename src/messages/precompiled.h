// For the folders that handle messages; see base/precompiled.h.
#pragma once

#include "base/precompiled.h"

#include "messages/admin.h"
#include "messages/control.h"
#include "messages/loss.h"
#include "messages/operation.h"
#include "messages/peer.h"
#include "messages/request.h"
#include "messages/settings.h"
