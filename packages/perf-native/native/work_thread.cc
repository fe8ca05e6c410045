#include "work_thread.h"

#include <pthread.h>
#include <signal.h>

namespace kernscope {

std::thread start_thread(const char* name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_setname_np(thread.native_handle(), name);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

WorkThread::WorkThread(const char* name) {
  thread_ = start_thread(name, [queue = queue_] { run(queue); });
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
