#pragma once

#include <memory>
#include <mutex>

#include <napi.h>

namespace kernscope {

// Way from the threads to JavaScript, shut before the environment goes away.
template <typename Calls, typename Message>
class Gate {
 public:
  explicit Gate(Calls calls) : calls_(calls) {}
  void send(Message* message) {
    std::unique_ptr<Message> owned(message);
    std::lock_guard lock(mutex_);
    if (open_ && calls_.NonBlockingCall(message) == napi_ok) owned.release();
  }
  void shut() {
    std::lock_guard lock(mutex_);
    if (open_) calls_.Abort();
    open_ = false;
  }

 private:
  std::mutex mutex_;
  Calls calls_;
  bool open_ = true;
};

}  // namespace kernscope
