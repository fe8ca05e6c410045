// The part of the reader that follows CPUs as they come and go. What fails on one of them does not keep the others from being
// followed: it is told once, and tried again as long as it is wanted.
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "reader.h"

namespace kernscope {
namespace {

// Keeps the first error.
void keep(std::optional<SystemError>& first, std::optional<SystemError> error) {
  if (!first) first = std::move(error);
}

}  // namespace

std::optional<SystemError> Reader::follow_cpus(const std::vector<int>& online, std::vector<int>& came) {
  std::optional<SystemError> failed;
  for (int cpu : online) {
    if (std::find(config_.cpus.begin(), config_.cpus.end(), cpu) == config_.cpus.end()) continue;
    auto error = take_in(cpu, came);
    if (!error) ring_failures_.erase(cpu);
    else if (std::exchange(ring_failures_[cpu], error->error) != error->error) keep(failed, std::move(error));
  }
  std::lock_guard lock(events_mutex_);
  for (auto& [index, event] : events_)
    if (event->spec.follow_cpus)
      for (auto& opened : event->opened)
        opened.gone |= std::find(came.begin(), came.end(), opened.cpu) != came.end();
  // Leaders have smaller indices than their members. All are enabled at the end, when the groups are whole.
  std::vector<int> enable;
  for (auto& [index, event] : events_) keep(failed, follow(*event, online, enable));
  for (int fd : enable)
    if (ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) != 0) keep(failed, SystemError{"PERF_EVENT_IOC_ENABLE", errno});
  return failed;
}

std::optional<SystemError> Reader::take_in(int cpu, std::vector<int>& came) {
  const auto known = cpu_rings_.find(cpu);
  if (known == cpu_rings_.end()) {
    if (auto error = open_cpu_ring(cpu)) return error;
    const auto opened = cpu_rings_.find(cpu);
    if (opened == cpu_rings_.end()) return std::nullopt;  // it went again
    change_rings([&] {
      merge_.add(opened->second.ring.merge.get());
      poll_fds_.push_back(opened->second.ring.owner.get());
    });
    came.push_back(cpu);
  } else if (!stayed(known->second)) {
    // Its ring stays: what was written before the CPU went is in it, and it takes the new events' records.
    const int fd = open_event(ring_attr_, -1, cpu, -1, 0);
    if (fd == -ENODEV) return std::nullopt;
    if (fd < 0) return SystemError{"perf_event_open", -fd, cpu, -1};
    known->second.canary = FileDescriptor(fd);
    known->second.canary_time = 0;
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
    came.push_back(cpu);
  }
  return std::nullopt;
}

// The time that an event was enabled stands still once its CPU has gone.
bool Reader::stayed(CpuRing& ring) {
  EventCounts counts;
  const int fd = ring.canary.get() >= 0 ? ring.canary.get() : ring.ring.owner.get();
  if (read_counts(fd, ring.ring.merge->layout->read_format, counts) != 0) return true;
  return counts.time_enabled > std::exchange(ring.canary_time, counts.time_enabled);
}

std::optional<SystemError> Reader::follow(Event& event, const std::vector<int>& online, std::vector<int>& enable) {
  std::optional<SystemError> failed;
  if (!event.spec.follow_cpus) return failed;
  std::vector<int> pids;
  for (const auto& target : event.spec.targets)
    if (std::find(pids.begin(), pids.end(), target.pid) == pids.end()) pids.push_back(target.pid);
  for (int cpu : online) {
    if (!cpu_rings_.contains(cpu)) continue;
    for (int pid : pids) {
      const auto there = std::find_if(event.opened.begin(), event.opened.end(),
                                      [&](const Opened& each) { return each.cpu == cpu && each.pid == pid; });
      if (there != event.opened.end() && !there->gone) continue;
      const size_t at = there - event.opened.begin();
      const size_t before = event.opened.size();
      std::vector<int> offline;
      if (auto error = open_on({pid, cpu}, event, offline)) {
        if (is_gone(*error, event.spec.flags)) continue;
        if (std::exchange(event.failures[{cpu, pid}], error->error) != error->error) keep(failed, std::move(error));
        continue;
      }
      event.failures.erase({cpu, pid});
      if (event.opened.size() == before) continue;  // it went again
      change_table([&](IdTable& table) { table.insert(event.opened.back().id, {event.spec.index, event.layout}); });
      if (event.enabled) enable.push_back(event.opened.back().fd.get());
      if (at == before) continue;
      replace_gone(event, at);
    }
  }
  watch_rings(event);
  return failed;
}

// The event that was opened last takes the place of one that is gone with its CPU, and goes on counting from there.
void Reader::replace_gone(Event& event, size_t at) {
  const Opened gone = std::move(event.opened[at]);
  event.opened[at] = std::move(event.opened.back());
  event.opened.pop_back();
  EventCounts& sum = event.opened[at].before = gone.before;
  EventCounts last{};
  if (read_counts(gone.fd.get(), event.layout->read_format, last) == 0) add_counts(sum, last);
  // Threads that were bound to the CPU were let off it.
  const auto own = event.own_rings.find(gone.cpu);
  if (own != event.own_rings.end() && own->second.completer) own->second.completer->bind();
}

}  // namespace kernscope
