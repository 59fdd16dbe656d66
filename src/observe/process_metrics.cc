#include "observe/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

namespace gyre::observe {

namespace {

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double all_pages = 0;
  double resident_pages = 0;
  statm >> all_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double entries_of(const char* path) {
  DIR* directory = ::opendir(path);
  if (!directory) return 0;
  double entries = 0;
  while (const dirent* entry = ::readdir(directory)) entries += entry->d_name[0] != '.';
  ::closedir(directory);
  return entries;
}

double max_fds() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void add_process_metrics(MetricsRegistry& metrics) {
  using Kind = MetricsRegistry::Kind;
  const double start = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  metrics.computed(Kind::counter, "process_cpu_seconds_total", "User and system time used", {}, cpu_seconds);
  metrics.computed(Kind::gauge, "process_resident_memory_bytes", "Memory in RAM", {}, resident_bytes);
  metrics.computed(Kind::gauge, "process_open_fds", "Open file descriptors", {},
                   [] { return entries_of("/proc/self/fd"); });
  metrics.computed(Kind::gauge, "process_max_fds", "Most file descriptors allowed", {}, max_fds);
  metrics.computed(Kind::gauge, "process_threads", "Threads", {}, [] { return entries_of("/proc/self/task"); });
  metrics.computed(Kind::gauge, "process_start_time_seconds", "Start, since 1970 UTC", {}, [start] { return start; });
}

}  // namespace gyre::observe
