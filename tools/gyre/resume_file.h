// FILE.gyre-resume: how far a load that was stopped has come, so that `load --resume` goes on there.
#pragma once

#include <cstdint>
#include <string>

#include "gyre/result.h"
#include "tools/gyre/record_reader.h"

namespace gyre::cli {

struct ResumePoint {
  RecordFormat format = RecordFormat::jsonl;
  RecordPlace place;            // of the first record not known to be stored; all before it are
  std::uint64_t file_size = 0;  // when it was written: the file must not have shrunk since
};

std::string resume_path(const std::string& file);
// Replaces the file in one step. ERRORS: storage_failed.
Result<void> write_resume(const std::string& file, const ResumePoint& point);
// ERRORS: invalid_argument (there is none, or it does not fit `file`, which has `file_size` bytes now).
Result<ResumePoint> read_resume(const std::string& file, std::uint64_t file_size);
void remove_resume(const std::string& file);

}  // namespace gyre::cli
