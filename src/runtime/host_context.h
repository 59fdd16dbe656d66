// What the parts of a host have in common.
#pragma once

#include "runtime/environment.h"
#include "runtime/host_options.h"
#include "runtime/load_meter.h"
#include "runtime/machines.h"
#include "runtime/pace.h"
#include "runtime/record_cache.h"
#include "storage/engine.h"
#include "storage/ledger.h"

namespace gyre::runtime {

// By this time nothing has expired.
inline constexpr UnixMillis kBeforeAll{INT64_MIN};

struct HostContext {
  HostOptions options;
  storage::Engine& engine;
  storage::Ledger& ledger;
  Environment& environment;
  HostMetrics& metrics;
  Machines machines;
  bool storage_failed = false;
  LoadMeter load = {};
  Pace pace = {};  // of copies sent to learners
  RecordCache records = RecordCache(options.record_cache_bytes);

  // A read failed. Where that says that this storage cannot be trusted any more, all machines are told; where records
  // of one partition are damaged, `owner` is (null: what was read was no record).
  void on_read_error(Machine* owner, const Error& error);
  // The storage failed, for good: tells all machines, once.
  void fail_storage(const Error& error);
};

}  // namespace gyre::runtime
