// The part of the reader that closes events. A closed event's records may still be in the rings, for long where JavaScript
// does not take any: until they are out it is known whose they are, and rings of the event's own are read.
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "reader.h"

namespace kernscope {

void Reader::close_events(const std::vector<uint32_t>& indices) {
  std::vector<std::unique_ptr<Event>> closing;
  {
    std::lock_guard lock(events_mutex_);
    for (uint32_t index : indices) {
      const auto found = events_.find(index);
      if (found == events_.end()) continue;
      // All at once, before the first is closed, which takes its time.
      for (const auto& opened : found->second->opened) ioctl(opened.fd.get(), PERF_EVENT_IOC_DISABLE, 0);
      urgent_ -= found->second->urgent;
      closing.push_back(std::move(found->second));
      events_.erase(found);
    }
  }
  if (closing.empty()) return;
  for (const auto& event : closing) event->opened.clear();
  retire(std::move(closing));
}

// The events are closed: what the kernel wrote for them is in the rings by now.
void Reader::retire(std::vector<std::unique_ptr<Event>> events) {
  std::lock_guard lock(retired_mutex_);
  const uint64_t time = clock_nanos(config_.clock_id);
  retired_.push_back({time, std::move(events)});
  retired_from_ = std::min(retired_from_.load(), time);
}

void Reader::reap() {
  std::vector<std::unique_ptr<Event>> settled;
  {
    std::lock_guard lock(retired_mutex_);
    const uint64_t horizon = horizon_.load(std::memory_order_acquire);
    uint64_t from = ~uint64_t{0};
    for (auto& [time, events] : retired_) {
      if (time > horizon) from = std::min(from, time);
      else std::move(events.begin(), events.end(), std::back_inserter(settled));
    }
    std::erase_if(retired_, [&](const Retired& each) { return each.time <= horizon; });
    retired_from_ = from;
  }
  if (settled.empty()) return;
  change_rings([&] {
    for (const auto& event : settled) {
      for (auto& [cpu, ring] : event->own_rings) {
        merge_.remove(ring.merge.get());
        std::erase(poll_fds_, ring.owner.get());
      }
    }
  });
  std::set<uint32_t> indices;
  for (const auto& event : settled) indices.insert(event->spec.index);
  change_table([&](IdTable& table) { table = table.without(indices); });
}

void Reader::close_all() {
  stop();
  std::map<uint32_t, std::unique_ptr<Event>> closing;
  std::vector<Retired> retired;
  {
    std::lock_guard lock(events_mutex_);
    closing.swap(events_);
  }
  {
    std::lock_guard lock(retired_mutex_);
    retired.swap(retired_);
  }
  change_table([](IdTable& table) { table = IdTable(); });
  merge_.clear();
  poll_fds_.clear();
  closing.clear();
  retired.clear();
  cpu_rings_.clear();
  event_fd_ = FileDescriptor();
}

}  // namespace kernscope
