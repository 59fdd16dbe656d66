// The commands `load` and `dump`.
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "tools/gyre/command.h"
#include "tools/gyre/dump.h"
#include "tools/gyre/interrupt.h"
#include "tools/gyre/load.h"
#include "tools/gyre/parse.h"
#include "tools/gyre/progress.h"
#include "tools/gyre/render.h"
#include "tools/gyre/resume_file.h"

namespace gyre::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kGroup = "Bulk";
constexpr auto kSaveResumeEvery = std::chrono::seconds(1);

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

struct LoadArguments {
  std::string file;
  std::string format;
  LoadOptions options;
  bool resume = false;
};

// The input of one load.
struct LoadInput {
  File file;
  bool regular = false;  // a file of known size, in which one can move
  std::uint64_t size = 0;
  RecordFormat format = RecordFormat::jsonl;
  std::unique_ptr<RecordReader> reader;
};

Result<void> go_to_resume_point(const LoadArguments& arguments, LoadInput& input) {
  if (!input.regular) return fail(ErrorCode::invalid_argument, "only a load from a file can be resumed");
  GYRE_TRY_SET(const auto point, read_resume(arguments.file, input.size));
  if (point.format != input.format) {
    return fail(ErrorCode::invalid_argument, fmt::format("the load to resume read {}: pass --format {}",
                                                         to_string(point.format), to_string(point.format)));
  }
  return input.reader->seek(point.place);
}

Result<LoadInput> open_input(const LoadArguments& arguments) {
  LoadInput input;
  GYRE_TRY_SET(input.format, format_of(arguments.format, arguments.file));
  input.file.reset(arguments.file == "-" ? stdin : std::fopen(arguments.file.c_str(), "rb"));
  if (!input.file) {
    return fail(ErrorCode::invalid_argument, fmt::format("cannot read {}: {}", arguments.file, std::strerror(errno)));
  }
  struct stat status{};
  if (fstat(fileno(input.file.get()), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is a directory", arguments.file));
    }
    input.regular = S_ISREG(status.st_mode) && arguments.file != "-";
    input.size = static_cast<std::uint64_t>(status.st_size);
  }
  auto reader = RecordReader::open(input.file.get(), input.format);
  if (!reader) {
    return fail(ErrorCode::invalid_argument, fmt::format("{}: {}", arguments.file, reader.error().message));
  }
  input.reader = std::move(*reader);
  if (arguments.resume) GYRE_TRY(go_to_resume_point(arguments, input));
  return input;
}

void print_load_summary(const Context& context, const LoadArguments& arguments, const LoadReport& report,
                        double seconds, bool resumable) {
  if (context.json) {
    print_json({{"records", report.records},
                {"bytes", report.bytes},
                {"bad", report.bad},
                {"resent", report.resent},
                {"seconds", seconds},
                {"interrupted", report.interrupted},
                {"complete", !report.interrupted && !report.error}});
  } else {
    print_line(fmt::format("loaded {} records ({}) in {:.1f} s{}{}", with_commas(report.records),
                           bytes_text(report.bytes), seconds,
                           report.bad > 0 ? fmt::format(", {} bad", with_commas(report.bad)) : "",
                           report.resent > 0 ? fmt::format(", {} sent again", with_commas(report.resent)) : ""));
  }
  if (resumable) {
    std::fflush(stdout);
    fmt::print(stderr,
               "stopped at byte {} (line {}); everything before it is stored\n"
               "to go on: gyre load --resume --format {} {}\n",
               report.stop.offset, report.stop.line, to_string(*format_of(arguments.format, arguments.file)),
               arguments.file);
  }
}

int finish_load(const Context& context, const LoadArguments& arguments, const LoadInput& input,
                const LoadReport& report, double seconds) {
  const bool stopped = report.interrupted || report.error;
  bool resumable = false;
  if (input.regular && stopped) {
    const auto saved = write_resume(arguments.file, {input.format, report.stop, input.size});
    resumable = saved.has_value();
    if (!saved) (void)cli::report(context, saved.error());
  } else if (input.regular) {
    remove_resume(arguments.file);
  }
  print_load_summary(context, arguments, report, seconds, resumable);
  if (report.error) return cli::report(context, *report.error);
  return report.interrupted ? kExitInterrupted : kExitOk;
}

int load(Context& context, const LoadArguments& arguments) {
  auto input = open_input(arguments);
  if (!input) return report(context, input.error());
  const auto client = shared_client(context);
  if (!client) return report(context, client.error());

  const InterruptGuard guard;
  Progress progress(stderr_is_terminal());
  if (input->regular) {
    const auto before = input->reader->place().offset;
    progress.set_total(before, input->size);
  }
  auto options = arguments.options;
  options.name = arguments.file;
  const auto on_bad = [&](const RecordPlace& place, const std::string& problem) {
    if (options.skip_bad) fmt::print(stderr, "skipped {}:{}: {}\n", options.name, place.line, problem);
  };
  auto saved = Clock::now();
  const auto on_progress = [&](const LoadReport& so_far) {
    progress.update(so_far.records, so_far.bytes);
    // Also a killed load can be resumed.
    if (!input->regular || Clock::now() - saved < kSaveResumeEvery) return;
    saved = Clock::now();
    (void)write_resume(arguments.file, {input->format, so_far.stop, input->size});
  };
  const auto result = Loader(**client, *input->reader, options, on_bad, on_progress).run();
  progress.finish();
  return finish_load(context, arguments, *input, result, progress.seconds());
}

void add_load(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<LoadArguments>();
  auto* command = app.add_subcommand("load", "Store the records of a file")->group(kGroup);
  command->add_option("FILE", arguments->file, "The file; `-` is standard input")->required();
  add_choice(*command, "--format", arguments->format, {"jsonl", "csv"}, "By default the file's ending decides");
  command->add_option("--concurrency", arguments->options.concurrency, "Writes in flight")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command->add_flag("--resume", arguments->resume, "Go on where an earlier load of this file stopped");
  command->add_flag("--skip-bad", arguments->options.skip_bad, "Report records that make no sense and go on");
  command->footer(R"(
jsonl: a line is {"key": "k", "value": "v"}, with "ttl_ms": N if it is to expire, and "key_b64" or "value_b64" for
bytes that are not UTF-8. csv: RFC 4180, the first line names the columns: key,value[,ttl_ms].
Ctrl-C lets what is in flight finish and leaves FILE.gyre-resume. A bad record ends the load with exit code 2.)");
  command->callback([&context, arguments] { context.exit_code = load(context, *arguments); });
}

struct DumpArguments {
  std::string file = "-";
  std::string format;
  std::string prefix;
};

int finish_dump(const Context& context, const DumpArguments& arguments, const DumpReport& report, double seconds) {
  if (report.error) return cli::report(context, *report.error);
  const bool to_stdout = arguments.file == "-";
  std::FILE* const out = to_stdout ? stderr : stdout;  // the summary must not end up in the dump
  if (context.json) {
    const Json summary = {{"records", report.records},
                          {"bytes", report.bytes},
                          {"seconds", seconds},
                          {"interrupted", report.interrupted}};
    fmt::print(out, "{}\n", summary.dump());
  } else if (report.interrupted) {
    fmt::print(stderr, "interrupted after {} records{}\n", with_commas(report.records),
               to_stdout ? "" : "; " + arguments.file + " was not written");
  } else {
    fmt::print(out, "dumped {} records ({}) in {:.1f} s\n", with_commas(report.records), bytes_text(report.bytes),
               seconds);
  }
  return report.interrupted ? kExitInterrupted : kExitOk;
}

int dump(Context& context, const DumpArguments& arguments) {
  const auto format = format_of(arguments.format, arguments.file);
  if (!format) return report(context, format.error());
  const auto client = shared_client(context);
  if (!client) return report(context, client.error());

  std::optional<AtomicFile> file;
  if (arguments.file != "-") {
    auto created = AtomicFile::create(arguments.file);
    if (!created) return report(context, created.error());
    file.emplace(std::move(*created));
  }
  const InterruptGuard guard;
  Progress progress(stderr_is_terminal());
  auto result = dump_records(**client, arguments.prefix, *format, file ? file->stream() : stdout,
                             [&](const DumpReport& so_far) { progress.update(so_far.records, so_far.bytes); });
  progress.finish();
  if (file && !result.error && !result.interrupted) {
    if (auto committed = file->commit(); !committed) result.error = committed.error();
  }
  return finish_dump(context, arguments, result, progress.seconds());
}

void add_dump(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DumpArguments>();
  auto* command = app.add_subcommand("dump", "Write all records to a file that `load` reads")->group(kGroup);
  command->add_option("FILE", arguments->file, "The file; `-` is standard output")->capture_default_str();
  add_choice(*command, "--format", arguments->format, {"jsonl", "csv"}, "By default the file's ending decides");
  command->add_option("--prefix", arguments->prefix, "Only keys that begin with this");
  command->footer("The file appears once it is complete. Times to live are written as what is left of them.");
  command->callback([&context, arguments] { context.exit_code = dump(context, *arguments); });
}

}  // namespace

void add_transfer_commands(CLI::App& app, Context& context) {
  add_load(app, context);
  add_dump(app, context);
}

}  // namespace gyre::cli
