// A thread that does one job after the other: what may block in the kernel is not done on JavaScript's thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "perf_event.h"

namespace kernscope {

class WorkThread {
 public:
  WorkThread() = default;
  // Runs what is queued, then ends the thread, without waiting for it: a job may hold the kernel for long.
  ~WorkThread();
  // To be called once, before anything else.
  std::optional<SystemError> start(const char* name);
  void post(std::function<void()> job);
  // Drops what has not begun and waits for the job that has.
  void stop();

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> jobs;
    bool ending = false;
  };
  static void run(std::shared_ptr<Queue> queue);

  std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  std::thread thread_;
};

// Starts `thread`, which takes no signals: those are for the threads that Node knows. Says why the system gave none.
std::optional<SystemError> start_thread(std::thread& thread, const char* name, std::function<void()> body);

}  // namespace kernscope
