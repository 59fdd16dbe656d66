// Commands that look: get, mget, ttl, scan, where.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "ring/slot.h"
#include "tools/gyre/encoding.h"
#include "tools/gyre/kv_command.h"
#include "tools/gyre/render.h"

namespace gyre::cli {

namespace {

struct GetArguments {
  std::string key;
  bool raw = false;
  std::string out;
};

Result<void> write_file(const std::string& path, std::string_view bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  bool written = file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  if (file != nullptr) written = std::fclose(file) == 0 && written;
  if (written) return {};
  return fail(ErrorCode::invalid_argument, fmt::format("cannot write {}: {}", path, std::strerror(errno)));
}

int get(const Context& context, Client& client, const GetArguments& arguments) {
  const auto value = client.get(arguments.key);
  if (!value) return report(context, value.error());
  if (!arguments.out.empty()) {
    const auto written = write_file(arguments.out, value->data);
    return written ? kExitOk : report(context, written.error());
  }
  if (context.json) {
    print_json(to_json(arguments.key, *value));
    return kExitOk;
  }
  std::fwrite(value->data.data(), 1, value->data.size(), stdout);
  const bool one_of_many = context.in_shell || isatty(STDOUT_FILENO) == 1;
  if (one_of_many && !arguments.raw) std::fputc('\n', stdout);
  return kExitOk;
}

void add_get(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<GetArguments>();
  auto* command = app.add_subcommand("get", "Print a value, byte for byte")->group(kKvGroup);
  command->add_option("KEY", arguments->key, "The key")->required();
  auto* raw = command->add_flag("--raw", arguments->raw, "No newline after the value, even on a terminal");
  command->add_option("--out", arguments->out, "Write the value to a file")->type_name("FILE")->excludes(raw);
  command->footer("The newline after the value is added on a terminal alone, so `gyre get K > F` is exact.");
  command->callback([&context, arguments] {
    with_client(context, [&](Client& client) { return get(context, client, *arguments); });
  });
}

int mget(const Context& context, Client& client, const std::vector<std::string>& keys) {
  const auto values = client.mget(keys);
  Json all = Json::array();
  int exit_code = kExitOk;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto& value = values[i];
    const bool missing = !value && value.error().code == ErrorCode::not_found;
    if (missing) {
      exit_code = std::max<int>(exit_code, kExitNegative);
    } else if (!value) {
      exit_code = std::max<int>(exit_code, report(context, value.error()));
    }
    if (context.json) {
      Json item;
      set_bytes(item, "key", keys[i]);
      if (value) {
        item = to_json(keys[i], *value);
      } else {
        item["error"] = to_json(value.error());
      }
      all.push_back(std::move(item));
    } else {
      print_line(fmt::format("{}\t{}", printable(keys[i]),
                             value     ? printable(value->data)
                             : missing ? "(not found)"
                                       : "(error)"));
    }
  }
  if (context.json) print_json(all);
  return exit_code;
}

void add_mget(CLI::App& app, Context& context) {
  auto keys = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand("mget", "Print several values")->group(kKvGroup);
  command->add_option("KEY", *keys, "The keys")->required();
  command->footer(
      "One line a key: key, tab, value; unprintable bytes as \\xNN. Exit code 1 if any is missing.\n"
      "[a,b] stands for the keys a and b; a key that is itself written so is read with `get`.");
  command->callback(
      [&context, keys] { with_client(context, [&](Client& client) { return mget(context, client, *keys); }); });
}

int ttl(const Context& context, Client& client, const std::string& key) {
  const auto left = client.ttl(key);
  if (!left) return report(context, left.error());
  if (context.json) {
    Json json;
    set_bytes(json, "key", key);
    json["ttl_ms"] = *left ? Json((*left)->count()) : Json(nullptr);
    print_json(json);
  } else {
    print_line(*left ? fmt::format("{} ms", (*left)->count()) : "does not expire");
  }
  return kExitOk;
}

void add_ttl(CLI::App& app, Context& context) {
  auto key = std::make_shared<std::string>();
  auto* command = app.add_subcommand("ttl", "Print how long a key has to live")->group(kKvGroup);
  command->add_option("KEY", *key, "The key")->required();
  command->callback(
      [&context, key] { with_client(context, [&](Client& client) { return ttl(context, client, *key); }); });
}

constexpr std::uint64_t kLimitMax = 1'000'000'000'000;

struct ScanArguments {
  ScanOptions options;
  std::uint64_t limit = 0;
};

void print_item(const Context& context, const KeyValue& item, bool keys_only, bool first) {
  if (!context.json) {
    print_line(keys_only ? printable(item.key)
                         : fmt::format("{}\t{}", printable(item.key), printable(item.value.data)));
    return;
  }
  Json json;
  if (keys_only) {
    set_bytes(json, "key", item.key);
  } else {
    json = to_json(item.key, item.value);
  }
  fmt::print("{}{}", first ? "" : ",\n", json.dump());
}

int scan(const Context& context, Client& client, const ScanArguments& arguments) {
  auto options = arguments.options;
  std::uint64_t seen = 0;
  std::string cursor;
  std::optional<Error> error;
  if (context.json) fmt::print("[");
  do {
    if (arguments.limit > 0) {
      options.page_items =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(arguments.options.page_items, arguments.limit - seen));
    }
    auto page = client.scan(options, cursor);
    if (!page) {
      error = page.error();
      break;
    }
    for (const auto& item : page->items) {
      if (arguments.limit > 0 && seen == arguments.limit) break;
      print_item(context, item, options.keys_only, seen == 0);
      ++seen;
    }
    cursor = std::move(page->cursor);
  } while (!cursor.empty() && (arguments.limit == 0 || seen < arguments.limit));
  if (context.json) fmt::print("]\n");
  return error ? report(context, *error) : kExitOk;
}

void add_scan(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ScanArguments>();
  auto* command = app.add_subcommand("scan", "List keys and their values")->group(kKvGroup);
  command->add_option("--prefix", arguments->options.prefix, "Only keys that begin with this");
  command->add_option("--limit", arguments->limit, "Stop after so many keys (0: never)")
      ->check(CLI::Range(std::uint64_t{0}, kLimitMax));
  command->add_flag("--keys-only", arguments->options.keys_only, "Leave the values out");
  command->footer("Keys are in order within a partition; partitions follow each other in slot order.");
  command->callback([&context, arguments] {
    with_client(context, [&](Client& client) { return scan(context, client, *arguments); });
  });
}

void explain(const std::string& key, const KeyLocation& location) {
  const auto tag = ring::hash_tag(key);
  const auto crc = ring::crc16(tag);
  print_line(fmt::format("key        {}", printable(key)));
  print_line(fmt::format("hashed     {}  ({})", printable(tag),
                         tag.size() < key.size() ? "the hash tag between { and } alone" : "the whole key"));
  print_line(fmt::format("crc16      {} (0x{:04x})", crc, crc));
  print_line(fmt::format("slot       {}  (crc16 mod 16384)", location.slot));
  print_line(fmt::format("partition  {}  (the range of slots that holds it)", location.partition));
  print_line(fmt::format("primary    {}", location.primary.empty() ? "none: nobody serves it now" : location.primary));
  print_line(fmt::format("members    {}", fmt::join(location.members, ", ")));
  print_line(fmt::format("map        epoch {}", location.epoch));
}

int where(const Context& context, Client& client, const std::string& key) {
  const auto location = client.locate(key);
  if (!location) return report(context, location.error());
  if (context.json) {
    print_json({{"slot", location->slot},
                {"partition", location->partition},
                {"primary", location->primary.empty() ? Json(nullptr) : Json(location->primary)},
                {"members", location->members}});
  } else {
    explain(key, *location);
  }
  return kExitOk;
}

void add_where(CLI::App& app, Context& context) {
  auto key = std::make_shared<std::string>();
  auto* command = app.add_subcommand("where", "Explain which nodes hold a key, and why")->group(kKvGroup);
  command->add_option("KEY", *key, "The key; it need not exist")->required();
  command->callback(
      [&context, key] { with_client(context, [&](Client& client) { return where(context, client, *key); }); });
}

}  // namespace

void add_read_commands(CLI::App& app, Context& context) {
  add_get(app, context);
  add_mget(app, context);
  add_ttl(app, context);
  add_scan(app, context);
  add_where(app, context);
}

}  // namespace gyre::cli
