// Completes the user stacks of one CPU's ring while the kernel's copy of them is fresh.
//
// The kernel copies a user stack with page faults off, so the copy ends at the first page that nobody has touched yet, and
// right after an exec such a page lies between the stack pointer and the strings for one program in five. The rest is read
// from the process itself. To be there before the new program's first instruction, a thread waits on that CPU with a
// real-time priority: the interrupt that announces the record makes it runnable, and the CPU runs it before it goes back to
// user mode. Where that is not permitted the thread does what it can.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "perf_event.h"
#include "stack_stash.h"

namespace kernscope {

class StackCompleter {
 public:
  explicit StackCompleter(int cpu) : cpu_(cpu) {}
  ~StackCompleter();
  // To be called once. `fd` says when there are records; `notify` is called on the thread after new ones were looked at.
  std::optional<SystemError> start(int fd, std::shared_ptr<StackStash> stash, std::function<void()> notify);
  // Puts the thread on its CPU, with its priority, as far as that is permitted.
  void bind();

 private:
  int cpu_;
  FileDescriptor stop_fd_;
  FileDescriptor epoll_fd_;
  std::thread thread_;
};

}  // namespace kernscope
