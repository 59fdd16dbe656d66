#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

namespace gyre::log {

Result<void> init(const std::string& process_id, const std::string& level) {
  const auto parsed = spdlog::level::from_str(level);
  if (parsed == spdlog::level::off && level != "off") {
    return fail(ErrorCode::invalid_argument,
                "log level '" + level + "' is unknown: use trace, debug, info, warn, error or off");
  }
  auto logger = spdlog::stderr_color_mt(process_id);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %n %v", spdlog::pattern_time_type::utc);
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return {};
}

}  // namespace gyre::log
