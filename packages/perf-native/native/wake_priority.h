// Lets the calling thread wake before everything that has no real-time priority, for the time that it waits and the
// little that it does first; a thread of normal priority can wait for milliseconds until a busy CPU takes it. Where the
// system does not allow it (CAP_SYS_NICE) nothing happens.
#pragma once

#include <sched.h>

namespace kernscope {

class WakePriority {
 public:
  // A thread that was given another policy than the default one keeps it.
  WakePriority() : refused_(sched_getscheduler(0) != SCHED_OTHER) {}

  void set(bool high) {
    if (high == high_ || refused_) return;
    sched_param parameter{};
    parameter.sched_priority = high ? 1 : 0;
    if (sched_setscheduler(0, high ? SCHED_FIFO | SCHED_RESET_ON_FORK : SCHED_OTHER, &parameter) == 0) high_ = high;
    else refused_ = true;
  }

 private:
  bool refused_;
  bool high_ = false;
};

}  // namespace kernscope
