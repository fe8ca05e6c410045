#include "work_thread.h"

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <utility>

namespace kernscope {

std::optional<SystemError> start_thread(std::thread& thread, const char* name, std::function<void()> body) {
  std::optional<SystemError> failed;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread = std::thread(std::move(body));
    pthread_setname_np(thread.native_handle(), name);
  } catch (const std::system_error& error) {
    failed = SystemError{"pthread_create", error.code().value()};
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return failed;
}

std::optional<SystemError> WorkThread::start(const char* name) {
  return start_thread(thread_, name, [queue = queue_] { run(queue); });
}

WorkThread::~WorkThread() {
  {
    std::lock_guard lock(queue_->mutex);
    queue_->ending = true;
  }
  queue_->changed.notify_one();
  if (thread_.joinable()) thread_.detach();
}

void WorkThread::post(std::function<void()> job) {
  {
    std::lock_guard lock(queue_->mutex);
    queue_->jobs.push_back(std::move(job));
  }
  queue_->changed.notify_one();
}

void WorkThread::stop() {
  {
    std::lock_guard lock(queue_->mutex);
    queue_->jobs.clear();
    queue_->ending = true;
  }
  queue_->changed.notify_one();
  if (thread_.joinable()) thread_.join();
}

void WorkThread::run(std::shared_ptr<Queue> queue) {
  std::unique_lock lock(queue->mutex);
  while (true) {
    queue->changed.wait(lock, [&] { return queue->ending || !queue->jobs.empty(); });
    if (queue->jobs.empty()) return;
    std::function<void()> job = std::move(queue->jobs.front());
    queue->jobs.pop_front();
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }
}

}  // namespace kernscope
