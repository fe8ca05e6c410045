#include "stack_completer.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "work_thread.h"

namespace kernscope {

std::optional<SystemError> StackCompleter::start(int fd, std::shared_ptr<StackStash> stash, std::function<void()> notify) {
  stop_fd_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  if (stop_fd_.get() < 0) return SystemError{"eventfd", errno, cpu_};
  auto work = [fd, stop = stop_fd_.get(), stash = std::move(stash), notify = std::move(notify)] {
    pollfd fds[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
    while (fds[1].revents == 0) {
      if (poll(fds, 2, -1) < 0) continue;
      if (stash->scan()) notify();
      // A descriptor that only says "hung up" would be ready for ever.
      if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) fds[0].fd = -1;
    }
  };
  if (auto error = start_thread(thread_, "kernscope-stack", std::move(work))) return error;
  bind();
  return std::nullopt;
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
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(stop_fd_.get(), &one, sizeof one);
  thread_.join();
}

}  // namespace kernscope
