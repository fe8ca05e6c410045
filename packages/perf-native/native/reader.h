// The native reader: opens events, and on a thread of its own moves their records from the kernel's rings into the span
// memory. It knows bytes only: nothing of tracefs, probes or what an event means, and nothing of Node.
#pragma once

#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "merge.h"
#include "perf_event.h"
#include "stack_completer.h"
#include "ticks.h"
#include "work_thread.h"

namespace kernscope {

struct ReaderConfig {
  std::vector<int> cpus;
  uint64_t ring_size = 0;
  Ticks ticks;
  uint64_t slack_nanos = 0;
  int clock_id = 0;
  // Rings on CPUs that are offline, too: events of processes can be opened there, and stay when a CPU comes and goes.
  bool offline_rings = false;
};

struct OpenSpec {
  uint32_t index = 0;
  std::vector<uint8_t> attr;
  struct Target {
    int pid;
    int cpu;
  };
  std::vector<Target> targets;
  // Opened on CPUs that come later, too, for each target that is bound to a CPU (the whole system, cgroups).
  bool follow_cpus = false;
  unsigned long flags = 0;
  std::optional<uint32_t> leader;
  std::optional<std::string> filter;
  bool enabled = false;
  uint64_t ring_size = 0;  // 0: the CPUs' shared rings
  // Read what a user stack's copy lacks from the process, at once; needs rings of its own and the stack pointer sampled.
  bool complete_stack = false;
};

struct Span {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t horizon = 0;
};

// Calls that may block (all that return an error) are for a work thread, one at a time; take, release and request_horizon
// are JavaScript's.
class Reader {
 public:
  // `wake` is called on the native thread when take() has something new, once until take() found nothing more; `settled`,
  // when reap() has something to do.
  Reader(ReaderConfig config, uint8_t* spans, uint64_t span_size, std::function<void()> wake,
         std::function<void()> settled);
  ~Reader();

  // Opens a ring on each CPU, owned by an event that never fires. CPUs that are offline are left out.
  std::optional<SystemError> open_rings(const std::vector<uint8_t>& attr);
  // Takes in those of `online` that have no ring yet, or were offline since: the kernel takes a CPU's events away with the
  // CPU. `came` gets these CPUs. What cannot be opened is left out, tried again at the next call, and told once.
  std::optional<SystemError> follow_cpus(const std::vector<int>& online, std::vector<int>& came);
  // Targets that are gone, threads that ended and cgroups that were removed, are left out, unless all are.
  std::optional<SystemError> open(const OpenSpec& spec, std::vector<int>& offline);
  std::optional<SystemError> set_enabled(const std::vector<uint32_t>& indices, bool enabled);
  std::optional<SystemError> set_filter(uint32_t index, const std::string& filter);
  std::optional<SystemError> counts(uint32_t index, std::vector<EventCounts>& counts);
  // Closes the events: some 40 ms each in the kernel. Who their records belong to is known until all of them are out.
  void close_events(const std::vector<uint32_t>& indices);
  // Forgets closed events whose records are out, and gives their rings back.
  void reap();
  // On the thread of reap().
  void close_all();
  std::vector<int> cpus() const;

  std::optional<SystemError> start();
  // Ends the native thread; what is in the rings stays there.
  void stop();

  bool take(Span& span);
  void release();
  void request_horizon();

  const MergeStats& stats() const { return merge_.stats; }
  uint64_t wakeups() const { return wakeups_.load(std::memory_order_relaxed); }

 private:
  // Owned by an event that never fires, so that it can outlive those that write to it.
  struct Ring {
    FileDescriptor owner;
    RingMapping mapping;
    std::unique_ptr<MergeRing> merge;
    std::unique_ptr<StackCompleter> completer;
    bool watched = false;  // by the native thread
  };
  struct Opened {
    FileDescriptor fd;
    int cpu;
    int pid;
    uint64_t id;
    bool gone = false;    // with its CPU
    EventCounts before{};  // counted by those that stood here before their CPU went
  };
  // Rings are declared before the descriptors that feed them, so that they are unmapped last.
  struct Event {
    std::map<int, Ring> own_rings;
    std::vector<Opened> opened;
    std::map<std::pair<int, int>, int> failures;  // by CPU and pid: why it could not be opened there
    OpenSpec spec;
    std::shared_ptr<const SampleLayout> layout;
    bool enabled = false;
    bool urgent = false;
  };
  // Closed events: none of their records is younger than `time`.
  struct Retired {
    uint64_t time;
    std::vector<std::unique_ptr<Event>> events;
  };
  struct CpuRing {
    Ring ring;
    FileDescriptor canary;  // an event that was opened when the CPU came back; at first the owner is it
    uint64_t canary_time = 0;
  };

  // `events_mutex_` is held.
  std::optional<SystemError> open_on(const OpenSpec::Target& target, Event& event, std::vector<int>& offline);
  // Adds a shared ring for the CPU, unless it is offline.
  std::optional<SystemError> open_cpu_ring(int cpu);
  std::optional<SystemError> open_own_ring(Event& event, int cpu);
  std::optional<SystemError> open_ring(Ring& ring, const std::vector<uint8_t>& attr, int cpu, uint64_t size,
                                       std::shared_ptr<const SampleLayout> layout);
  // Takes in a CPU that is online, if it was not.
  std::optional<SystemError> take_in(int cpu, std::vector<int>& came);
  // Whether the ring's CPU was online all the time since this was asked last.
  static bool stayed(CpuRing& ring);
  // Opens `event` anew, or for the first time, on the CPUs of `online` where it is not open; what is to be enabled is added
  // to `enable`. Returns the first failure that was not told before.
  std::optional<SystemError> follow(Event& event, const std::vector<int>& online, std::vector<int>& enable);
  static void replace_gone(Event& event, size_t at);
  void watch_rings(Event& event);
  // The leader's descriptor on that target; minus an errno when it has none there. `events_mutex_` is held.
  int group_fd(uint32_t leader, const OpenSpec::Target& target);
  void change_table(const std::function<void(IdTable&)>& change);
  std::shared_ptr<const IdTable> table();
  void retire(std::vector<std::unique_ptr<Event>> events);

  // Runs `change` on the native thread between two drains, or here when there is none.
  void change_rings(std::function<void()> change);
  void run();
  void apply_changes();
  // Waits for a signal or the time and, if told so, for a ring; returns whether a ring asked for the reader.
  bool wait(uint64_t nanos, bool rings = true);
  // Waits although rings and completers ask for the reader; a stop, a change or a request for the horizon ends it.
  void hold(uint64_t nanos);
  bool has_changes();
  void signal();
  std::optional<SystemError> complete_stacks(Ring& ring, int cpu);
  void wake_consumer();

  ReaderConfig config_;
  SpanRing spans_;
  Merge merge_;
  std::function<void()> wake_;
  std::function<void()> settled_;
  FileDescriptor event_fd_;

  mutable std::mutex events_mutex_;
  std::map<uint32_t, std::unique_ptr<Event>> events_;
  std::vector<uint8_t> ring_attr_;
  std::map<int, CpuRing> cpu_rings_;
  std::map<int, int> ring_failures_;  // by CPU: why it could not be taken in

  std::mutex retired_mutex_;
  std::vector<Retired> retired_;
  // The first time among them; none while nothing is to be looked for.
  std::atomic<uint64_t> retired_from_{~uint64_t{0}};

  std::mutex table_mutex_;
  std::shared_ptr<const IdTable> table_ = std::make_shared<IdTable>();

  std::mutex changes_mutex_;
  std::condition_variable changes_applied_;
  std::vector<std::function<void()>> changes_;
  bool running_ = false;

  std::vector<int> poll_fds_;  // the native thread's
  std::vector<pollfd> polled_;
  std::mutex stop_mutex_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<int> urgent_{0};  // events that wake the reader at every record
  std::atomic<bool> stacks_done_{false};  // a completer has looked at new records
  // The native thread lets records get older before it looks again.
  std::atomic<bool> holding_{false};
  std::atomic<bool> wake_pending_{false};
  std::atomic<uint64_t> requested_{0};
  std::atomic<uint64_t> horizon_{0};
  std::atomic<uint64_t> wakeups_{0};
  uint64_t horizon_told_ = 0;  // the consumer's
};

}  // namespace kernscope
