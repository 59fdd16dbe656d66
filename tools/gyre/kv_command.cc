#include "tools/gyre/kv_command.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/limits.h"

namespace gyre::cli {

namespace {

struct CloseValueFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

void ValueSource::add_to(CLI::App& command) {
  text_option = command.add_option("VALUE", text, "The value; `-` reads it from standard input");
  command.add_option("--file", file, "Read the value from a file")->type_name("FILE")->excludes(text_option);
}

Result<std::string> ValueSource::read(const Context& context) const {
  if (!file.empty()) {
    const std::unique_ptr<std::FILE, CloseValueFile> input(std::fopen(file.c_str(), "rb"));
    if (!input) {
      return fail(ErrorCode::invalid_argument, fmt::format("cannot read {}: {}", file, std::strerror(errno)));
    }
    return read_all(input.get(), file);
  }
  if (text_option->count() == 0) {
    return fail(ErrorCode::invalid_argument, "a value is missing: give VALUE, --file FILE, or - for standard input");
  }
  if (text != "-") return text;
  if (context.in_shell) {
    return fail(ErrorCode::invalid_argument,
                "the shell reads its commands from standard input: use --file for the value");
  }
  return read_all(stdin, "standard input");
}

Result<std::string> read_all(std::FILE* file, const std::string& name) {
  std::string bytes;
  std::array<char, 64 * 1024> chunk;
  while (const auto n = std::fread(chunk.data(), 1, chunk.size(), file)) {
    bytes.append(chunk.data(), n);
    if (bytes.size() > limits::kValueBytesHardMax) {
      return fail(ErrorCode::too_large,
                  fmt::format("{} is larger than any value may be ({} bytes)", name, limits::kValueBytesHardMax));
    }
  }
  if (std::ferror(file)) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot read {}: {}", name, std::strerror(errno)));
  }
  return bytes;
}

void add_kv_commands(CLI::App& app, Context& context) {
  add_read_commands(app, context);
  add_write_commands(app, context);
}

}  // namespace gyre::cli
