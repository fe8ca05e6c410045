#include "stack_completer.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "work_thread.h"

namespace kernscope {

std::optional<SystemError> StackCompleter::start(int fd, std::shared_ptr<StackStash> stash, std::function<void()> notify) {
  stop_fd_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  if (stop_fd_.get() < 0) return SystemError{"eventfd", errno, cpu_};
  // Of all ways to wait the one that costs the traced process least: it stands still meanwhile.
  epoll_fd_ = FileDescriptor(epoll_create1(EPOLL_CLOEXEC));
  if (epoll_fd_.get() < 0) return SystemError{"epoll_create1", errno, cpu_};
  for (const int watched : {fd, stop_fd_.get()}) {
    // A descriptor that only says "hung up" does so once.
    epoll_event event{EPOLLIN | EPOLLET, {.fd = watched}};
    if (epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, watched, &event) != 0) return SystemError{"epoll_ctl", errno, cpu_};
  }
  auto work = [epoll = epoll_fd_.get(), stop = stop_fd_.get(), stash = std::move(stash), notify = std::move(notify)] {
    for (bool stopped = false; !stopped;) {
      epoll_event events[2];
      const int count = epoll_wait(epoll, events, 2, -1);
      for (int i = 0; i < count; ++i) stopped = stopped || events[i].data.fd == stop;
      if (stash->scan()) notify();
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
