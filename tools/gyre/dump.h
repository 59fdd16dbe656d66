// Writes all keys of a cluster, or those with a prefix, to a file.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "gyre/client.h"
#include "tools/gyre/record.h"

namespace gyre::cli {

struct DumpReport {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // written
  bool interrupted = false;
  std::optional<Error> error;
};

// Streams page after page to `out`; a page that fails in passing is asked for again. Times to live are written as
// what is left of them now.
DumpReport dump_records(Client& client, const std::string& prefix, RecordFormat format, std::FILE* out,
                        const std::function<void(const DumpReport&)>& on_progress);

// A file that appears under its name only once it is complete; until then it is PATH.gyre-tmp. What is there already
// and no regular file (a device, a pipe) is written in place: renaming would put a file where it was.
class AtomicFile {
 public:
  // ERRORS: invalid_argument (cannot be written).
  static Result<AtomicFile> create(std::string path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  // Removes what was not committed.
  ~AtomicFile();

  std::FILE* stream() const { return stream_; }
  // ERRORS: storage_failed.
  Result<void> commit();

 private:
  AtomicFile(std::string path, bool in_place) : path_(std::move(path)), in_place_(in_place) {}
  std::string temporary() const { return path_ + ".gyre-tmp"; }

  std::string path_;
  bool in_place_;
  std::FILE* stream_ = nullptr;
};

}  // namespace gyre::cli
