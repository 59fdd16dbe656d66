// Runs a command line in this process and keeps what it prints.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/cli/memory_client.h"
#include "tools/gyre/command.h"
#include "tools/gyre/usage.h"

namespace gyre::cli {

struct Printed {
  int exit_code = 0;
  std::string out;
  std::string err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

class CommandLine : public testing::Test {
 protected:
  // REQUIRES: `words` begin with the command, not with "gyre".
  Printed gyre(std::vector<std::string> words) {
    Context context;
    context.client = client_;
    return run(context, std::move(words));
  }

  Printed run(Context& context, std::vector<std::string> words) {
    CLI::App app;
    build_app(app, context);
    std::vector<const char*> arguments = {"gyre"};
    for (const auto& word : words) arguments.push_back(word.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Printed outcome;
    try {
      app.parse(static_cast<int>(arguments.size()), arguments.data());
      outcome.exit_code = context.exit_code;
    } catch (const CLI::Success& help) {
      app.exit(help);
    } catch (const CLI::ParseError& error) {
      outcome.exit_code = report_usage(app, context, error);
    }
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
  }

  std::shared_ptr<MemoryClient> client_ = std::make_shared<MemoryClient>();
};

}  // namespace gyre::cli
