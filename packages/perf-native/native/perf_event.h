// perf_event_open(2) and what belongs to its file descriptors.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kernscope {

// A system call that failed, as JavaScript will be told.
struct SystemError {
  std::string operation;
  int error = 0;
  int cpu = -1;
  int pid = -1;
};

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor();
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

// The memory of one ring: a page of control, then the data.
class RingMapping {
 public:
  RingMapping() = default;
  RingMapping(RingMapping&& other) noexcept : base_(std::exchange(other.base_, nullptr)), size_(other.size_) {}
  RingMapping& operator=(RingMapping&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~RingMapping();
  // Maps `data_size` bytes of ring; returns 0 or an errno.
  int map(int fd, uint64_t data_size);
  const uint8_t* data() const;
  uint64_t data_size() const;
  uint64_t* head() const;
  uint64_t* tail() const;

 private:
  uint8_t* base_ = nullptr;
  uint64_t size_ = 0;
};

struct EventCounts {
  int cpu = 0;
  int pid = 0;
  uint64_t value = 0;
  uint64_t time_enabled = 0;
  uint64_t time_running = 0;
  uint64_t lost = 0;
  bool has_lost = false;
  // Of all members of the counter group, the leader's first; empty without PERF_FORMAT_GROUP.
  std::vector<uint64_t> group;
};

// Whether what perf_event_open(2) was to watch is no more: a thread that has ended, a cgroup that was removed.
bool is_gone(const SystemError& error, unsigned long flags);

// Opens an event; the attribute is used as it stands, FD_CLOEXEC is added. Returns a descriptor or minus an errno.
int open_event(const std::vector<uint8_t>& attr, int pid, int cpu, int group_fd, unsigned long flags);

// The kernel's id of an event; 0 with errno set when it has none to give.
uint64_t event_id(int fd);

// Reads an event's count by its read_format; returns 0 or an errno.
int read_counts(int fd, uint64_t read_format, EventCounts& counts);

// Adds what another event counted to `sum`.
void add_counts(EventCounts& sum, const EventCounts& more);

uint64_t clock_nanos(int clock_id);

}  // namespace kernscope
