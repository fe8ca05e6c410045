#include "perf_event.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace kernscope {
namespace {

constexpr uint64_t kFormatLost = 1u << 4;

uint64_t page_size() { return static_cast<uint64_t>(sysconf(_SC_PAGESIZE)); }

perf_event_mmap_page* control(uint8_t* base) { return reinterpret_cast<perf_event_mmap_page*>(base); }

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

RingMapping::~RingMapping() {
  if (base_ != nullptr) munmap(base_, size_);
}

int RingMapping::map(int fd, uint64_t data_size) {
  const uint64_t size = page_size() + data_size;
  void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (base == MAP_FAILED) return errno;
  base_ = static_cast<uint8_t*>(base);
  size_ = size;
  return 0;
}

const uint8_t* RingMapping::data() const { return base_ + page_size(); }
uint64_t RingMapping::data_size() const { return size_ - page_size(); }
uint64_t* RingMapping::head() const { return reinterpret_cast<uint64_t*>(&control(base_)->data_head); }
uint64_t* RingMapping::tail() const { return reinterpret_cast<uint64_t*>(&control(base_)->data_tail); }

int open_event(const std::vector<uint8_t>& attr, int pid, int cpu, int group_fd, unsigned long flags) {
  std::vector<uint8_t> copy = attr;  // the kernel writes the size it knows into it on E2BIG
  const long fd = syscall(SYS_perf_event_open, copy.data(), pid, cpu, group_fd, flags | PERF_FLAG_FD_CLOEXEC);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

bool is_gone(const SystemError& error, unsigned long flags) {
  return error.operation == "perf_event_open" && error.error == (flags & PERF_FLAG_PID_CGROUP ? ENOENT : ESRCH);
}

uint64_t event_id(int fd) {
  uint64_t id = 0;
  return ioctl(fd, PERF_EVENT_IOC_ID, &id) == 0 ? id : 0;
}

int read_counts(int fd, uint64_t read_format, EventCounts& counts) {
  // With GROUP the leader answers for all, itself first: nr, times, then value, id, lost of each.
  uint64_t words[4096];
  const ssize_t got = read(fd, words, sizeof words);
  if (got < 0) return errno;
  const bool group = read_format & PERF_FORMAT_GROUP;
  size_t at = group ? 1 : 0;
  const size_t have = static_cast<size_t>(got) / 8;
  const auto next = [&](bool present) { return present && at < have ? words[at++] : 0; };
  if (!group) counts.value = next(true);
  counts.time_enabled = next(read_format & PERF_FORMAT_TOTAL_TIME_ENABLED);
  counts.time_running = next(read_format & PERF_FORMAT_TOTAL_TIME_RUNNING);
  if (group) counts.value = next(true);
  next(read_format & PERF_FORMAT_ID);
  counts.has_lost = read_format & kFormatLost;
  counts.lost = next(counts.has_lost);
  if (!group || have == 0) return 0;
  counts.group.push_back(counts.value);
  const size_t beside = !!(read_format & PERF_FORMAT_ID) + !!(read_format & kFormatLost);
  for (uint64_t member = 1; member < words[0] && at < have; ++member, at += beside) counts.group.push_back(words[at++]);
  return 0;
}

void add_counts(EventCounts& sum, const EventCounts& more) {
  sum.value += more.value;
  sum.time_enabled += more.time_enabled;
  sum.time_running += more.time_running;
  sum.lost += more.lost;
  sum.has_lost |= more.has_lost;
  if (sum.group.size() < more.group.size()) sum.group.resize(more.group.size());
  for (size_t i = 0; i < more.group.size(); ++i) sum.group[i] += more.group[i];
}

uint64_t clock_nanos(int clock_id) {
  timespec now{};
  clock_gettime(clock_id, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace kernscope
