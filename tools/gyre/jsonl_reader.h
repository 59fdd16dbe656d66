// Records as JSON lines.
#pragma once

#include "tools/gyre/record_reader.h"

namespace gyre::cli {

class JsonlReader final : public RecordReader {
 public:
  explicit JsonlReader(std::FILE* file) : RecordReader(file) {}

 private:
  bool ends_inside_field(std::string_view, bool) const override { return false; }
  Result<Record> parse(std::string_view text) const override;
};

}  // namespace gyre::cli
