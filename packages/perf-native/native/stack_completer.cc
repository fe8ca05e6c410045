#include "stack_completer.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "work_thread.h"

namespace kernscope {
namespace {

constexpr uint64_t kPage = 4096;
// Bytes from the stack pointer on that tell one stack from another: the count of arguments and the address of the first.
constexpr size_t kCompared = 16;

class Lock {
 public:
  explicit Lock(pthread_mutex_t& mutex) : mutex_(mutex) { pthread_mutex_lock(&mutex_); }
  ~Lock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t& mutex_;
};

}  // namespace

size_t read_process_memory(int pid, uint64_t address, uint8_t* to, size_t size) {
  // The call stops at whole elements, so each page is one.
  std::vector<iovec> remote;
  for (uint64_t at = address; at < address + size;) {
    const uint64_t end = std::min((at / kPage + 1) * kPage, address + size);
    remote.push_back({reinterpret_cast<void*>(at), end - at});
    at = end;
  }
  const iovec local{to, size};
  const ssize_t got = process_vm_readv(pid, &local, 1, remote.data(), remote.size(), 0);
  return got < 0 ? 0 : static_cast<size_t>(got);
}

StackStash::StackStash(const uint8_t* data, uint64_t size, const uint64_t* head, const uint64_t* tail,
                       std::shared_ptr<const SampleLayout> layout, ReadMemory read)
    : tail_(*tail), ring_(data, size, head, &tail_), layout_(std::move(layout)), read_(std::move(read)) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex_, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

StackStash::~StackStash() { pthread_mutex_destroy(&mutex_); }

bool StackStash::scan() {
  Lock lock(mutex_);
  return scan_locked();
}

std::vector<uint8_t> StackStash::rest_at(uint64_t position) {
  Lock lock(mutex_);
  if (ring_.position() <= position) scan_locked();
  while (!entries_.empty() && entries_.front().position < position) entries_.pop_front();
  if (entries_.empty() || entries_.front().position != position) return {};
  return entries_.front().rest;
}

// Whether the process still has the stack that the record shows: it may have gone on to another program meanwhile, whose
// stack begins elsewhere.
bool StackStash::begins_alike(int pid, const ParsedRecord& parsed, const uint8_t* record) {
  uint8_t now[kCompared];
  const size_t size = std::min<size_t>(sizeof now, parsed.stack_size);
  const uint8_t* then = record + parsed.stack_cut.begin - parsed.stack_size;
  return read_(pid, parsed.stack_pointer, now, size) == size && std::memcmp(now, then, size) == 0;
}

bool StackStash::scan_locked() {
  ring_.refresh();
  bool found = false;
  uint32_t size = 0;
  while (const uint8_t* record = ring_.next(size)) {
    found = true;
    const uint64_t position = ring_.position();
    const ParsedRecord parsed = parse_record(record, size, *layout_);
    const uint64_t asked = parsed.stack_cut.end - parsed.stack_cut.begin + parsed.stack_size - 8;
    const uint64_t end = parsed.stack_pointer + parsed.stack_size;
    ring_.advance(size);
    // A copy that ends elsewhere ended where the stack does, or where it was to end.
    if (!parsed.has_stack || parsed.stack_pointer == 0 || parsed.stack_size >= asked || end % kPage != 0) continue;
    std::vector<uint8_t> rest(asked - parsed.stack_size);
    const int pid = static_cast<int>(parsed.tid);
    rest.resize(read_(pid, end, rest.data(), rest.size()));
    if (!rest.empty() && begins_alike(pid, parsed, record)) entries_.push_back({position, std::move(rest)});
  }
  return found;
}

StackCompleter::StackCompleter(int fd, int cpu, std::shared_ptr<StackStash> stash, std::function<void()> notify)
    : cpu_(cpu), stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  thread_ = start_thread("kernscope-stack", [fd, stop = stop_fd_, stash = std::move(stash), notify = std::move(notify)] {
    pollfd fds[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    while (fds[1].revents == 0) {
      if (poll(fds, 2, -1) < 0) continue;
      if (stash->scan()) notify();
      // A descriptor that only says "hung up" would be ready for ever.
      if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) fds[0].fd = -1;
    }
  });
  bind();
}

void StackCompleter::bind() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu_, &cpus);
  pthread_setaffinity_np(thread_.native_handle(), sizeof cpus, &cpus);
  const sched_param priority{1};
  pthread_setschedparam(thread_.native_handle(), SCHED_FIFO, &priority);
}

StackCompleter::~StackCompleter() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(stop_fd_, &one, sizeof one);
  thread_.join();
  close(stop_fd_);
}

}  // namespace kernscope
