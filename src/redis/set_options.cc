// SOURCE: which options exclude each other is Redis 7.0's parseExtendedStringArgumentsOrReply: an option may be
// repeated, and the last one counts. IFEQ, which 7.0 does not have, excludes NX and XX as they do each other.
#include "redis/set_options.h"

#include <array>

namespace gyre::redis {

using messages::Expiry;

namespace {

struct TimeOption {
  std::string_view name;
  TimeFormat format;
};
constexpr std::array kTimeOptions = {
    TimeOption{"ex", kSeconds},
    TimeOption{"px", kMilliseconds},
    TimeOption{"exat", kUnixSeconds},
    TimeOption{"pxat", kUnixMilliseconds},
};

const TimeOption* find_time_option(std::string_view word) {
  for (const TimeOption& option : kTimeOptions) {
    if (says(word, option.name)) return &option;
  }
  return nullptr;
}

class OptionParser {
 public:
  OptionParser(const Arguments& arguments, std::size_t first) : arguments_(arguments), at_(first) {}

  Parsed<SetOptions> run(bool (OptionParser::*take)(std::string_view)) {
    for (; at_ < arguments_.size(); ++at_) {
      if (!(this->*take)(arguments_[at_])) return refuse(words::kSyntax);
    }
    return options_;
  }

  bool take_of_set(std::string_view word) {
    if (says(word, "nx")) return set_when(SetOptions::When::absent);
    if (says(word, "xx")) return set_when(SetOptions::When::present);
    if (says(word, "ifeq")) return set_when(SetOptions::When::equal) && take_next(options_.compare);
    if (says(word, "keepttl")) return set_lifetime(SetOptions::Lifetime::keep);
    if (says(word, "get")) return options_.get = true;
    return take_time(word);
  }

  bool take_of_getex(std::string_view word) {
    if (says(word, "persist")) return set_lifetime(SetOptions::Lifetime::persist);
    return take_time(word);
  }

 private:
  bool set_when(SetOptions::When when) {
    if (options_.when != SetOptions::When::always && options_.when != when) return false;
    options_.when = when;
    return true;
  }

  bool set_lifetime(SetOptions::Lifetime lifetime) {
    if (options_.lifetime != SetOptions::Lifetime::plain && options_.lifetime != lifetime) return false;
    options_.lifetime = lifetime;
    return true;
  }

  bool take_time(std::string_view word) {
    const TimeOption* option = find_time_option(word);
    if (option == nullptr) return false;
    const bool another = options_.lifetime == SetOptions::Lifetime::timed && options_.format != option->format;
    if (another || !set_lifetime(SetOptions::Lifetime::timed)) return false;
    options_.format = option->format;
    return take_next(options_.amount);
  }

  bool take_next(std::string_view& target) {
    if (at_ + 1 >= arguments_.size()) return false;
    target = arguments_[++at_];
    return true;
  }

  const Arguments& arguments_;
  std::size_t at_;
  SetOptions options_;
};

}  // namespace

Parsed<SetOptions> parse_set_options(const Arguments& arguments, std::size_t first) {
  return OptionParser(arguments, first).run(&OptionParser::take_of_set);
}

Parsed<SetOptions> parse_getex_options(const Arguments& arguments, std::size_t first) {
  return OptionParser(arguments, first).run(&OptionParser::take_of_getex);
}

Parsed<Expiry> expiry_of(const SetOptions& options, const Call& call) {
  switch (options.lifetime) {
    case SetOptions::Lifetime::plain:
    case SetOptions::Lifetime::persist: return Expiry{};
    case SetOptions::Lifetime::keep: return Expiry{Expiry::Kind::keep, 0};
    case SetOptions::Lifetime::timed: break;
  }
  const auto time = parse_lifetime(options.amount, options.format, call);
  if (!time) return std::unexpected(time.error());
  return to_expiry(*time);
}

}  // namespace gyre::redis
