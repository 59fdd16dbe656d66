#include "tools/gyre/resume_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

constexpr int kVersion = 1;

bool unsigned_field(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_number_unsigned();
}

bool well_formed(const Json& json) {
  return json.is_object() && json.value("gyre_resume", Json()) == kVersion && json.contains("format") &&
         json["format"].is_string() && unsigned_field(json, "offset") && unsigned_field(json, "line") &&
         unsigned_field(json, "file_size");
}

}  // namespace

std::string resume_path(const std::string& file) { return file + ".gyre-resume"; }

Result<void> write_resume(const std::string& file, const ResumePoint& point) {
  const Json json = {{"gyre_resume", kVersion},
                     {"format", to_string(point.format)},
                     {"offset", point.place.offset},
                     {"line", point.place.line},
                     {"file_size", point.file_size}};
  const auto path = resume_path(file);
  const auto temporary = path + ".tmp";
  std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
  out << json.dump() << '\n';
  out.close();
  if (out && std::rename(temporary.c_str(), path.c_str()) == 0) return {};
  return fail(ErrorCode::storage_failed, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

Result<ResumePoint> read_resume(const std::string& file, std::uint64_t file_size) {
  const auto path = resume_path(file);
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("there is nothing to resume: no {} here; load without --resume", path));
  }
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto json = Json::parse(text, nullptr, false);
  if (!well_formed(json)) {
    return fail(ErrorCode::invalid_argument, fmt::format("{} is damaged: remove it and load without --resume", path));
  }
  ResumePoint point;
  GYRE_TRY_SET(point.format, format_of(json["format"].get<std::string>(), file));
  point.place = {json["offset"].get<std::uint64_t>(), json["line"].get<std::uint64_t>()};
  point.file_size = json["file_size"].get<std::uint64_t>();
  if (file_size < point.file_size || file_size < point.place.offset) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("{} is shorter than when its load was stopped: remove {} and load without --resume", file, path));
  }
  return point;
}

void remove_resume(const std::string& file) { std::remove(resume_path(file).c_str()); }

}  // namespace gyre::cli
