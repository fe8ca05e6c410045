#include "reader.h"

#include <linux/perf_event.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kernscope {
namespace {

std::shared_ptr<const SampleLayout> layout_of(const std::vector<uint8_t>& attr) {
  return std::make_shared<SampleLayout>(SampleLayout::from_attr(attr.data()));
}

// perf_event_attr without `watermark`: `wakeup_events` counts.
bool wakes_at_every_record(const std::vector<uint8_t>& attr) {
  uint64_t flags;
  std::memcpy(&flags, attr.data() + 40, sizeof flags);
  return (flags & (1u << 14)) == 0;
}

// perf_event_attr with a `wakeup_watermark` of so many bytes at most.
std::vector<uint8_t> with_watermark(std::vector<uint8_t> attr, uint64_t most) {
  uint32_t bytes;
  std::memcpy(&bytes, attr.data() + 48, sizeof bytes);
  bytes = static_cast<uint32_t>(std::min<uint64_t>(bytes, most));
  std::memcpy(attr.data() + 48, &bytes, sizeof bytes);
  return attr;
}

}  // namespace

Reader::Reader(ReaderConfig config, uint8_t* spans, uint64_t span_size, std::function<void()> wake,
               std::function<void()> settled)
    : config_(std::move(config)),
      spans_(spans, span_size),
      merge_(spans_, [this] { return table(); }, [this] { return clock_nanos(config_.clock_id); }),
      wake_(std::move(wake)),
      settled_(std::move(settled)) {}

Reader::~Reader() { stop(); }

std::optional<SystemError> Reader::open_rings(const std::vector<uint8_t>& attr) {
  if (event_fd_.get() < 0) event_fd_ = FileDescriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (event_fd_.get() < 0) return SystemError{"eventfd", errno};
  ring_attr_ = attr;
  for (int cpu : config_.cpus) {
    if (auto error = open_cpu_ring(cpu)) {
      cpu_rings_.clear();
      return error;
    }
  }
  for (auto& [cpu, shared] : cpu_rings_) {
    merge_.add(shared.ring.merge.get());
    poll_fds_.push_back(shared.ring.owner.get());
  }
  return std::nullopt;
}

std::optional<SystemError> Reader::open_cpu_ring(int cpu) {
  CpuRing opened;
  if (auto error = open_ring(opened.ring, ring_attr_, cpu, config_.ring_size, layout_of(ring_attr_))) {
    if (error->error == ENODEV) return std::nullopt;
    return error;
  }
  // That it is on tells whether its CPU stayed.
  ioctl(opened.ring.owner.get(), PERF_EVENT_IOC_ENABLE, 0);
  cpu_rings_.emplace(cpu, std::move(opened));
  return std::nullopt;
}

std::optional<SystemError> Reader::open_ring(Ring& ring, const std::vector<uint8_t>& attr, int cpu, uint64_t size,
                                             std::shared_ptr<const SampleLayout> layout) {
  int fd = open_event(attr, -1, cpu, -1, 0);
  if (fd == -ENODEV && config_.offline_rings) fd = open_event(attr, 0, cpu, -1, 0);
  if (fd < 0) return SystemError{"perf_event_open", -fd, cpu, -1};
  ring.owner = FileDescriptor(fd);
  if (const int error = ring.mapping.map(fd, size)) return SystemError{"mmap", error, cpu, -1};
  ring.merge = std::make_unique<MergeRing>(
      MergeRing{KernelRing(ring.mapping.data(), ring.mapping.data_size(), ring.mapping.head(), ring.mapping.tail()),
                static_cast<uint32_t>(cpu), std::move(layout)});
  return std::nullopt;
}

std::optional<SystemError> Reader::open_own_ring(Event& event, int cpu) {
  Ring ring;
  const uint64_t size = event.spec.ring_size;
  if (auto error = open_ring(ring, with_watermark(ring_attr_, size / 8), cpu, size, event.layout)) return error;
  if (event.spec.complete_stack)
    if (auto error = complete_stacks(ring, cpu)) return error;
  event.own_rings.emplace(cpu, std::move(ring));
  return std::nullopt;
}

// Has the native thread read those of the event's own rings that it does not know yet.
void Reader::watch_rings(Event& event) {
  std::vector<Ring*> fresh;
  for (auto& [cpu, ring] : event.own_rings)
    if (!std::exchange(ring.watched, true)) fresh.push_back(&ring);
  if (fresh.empty()) return;
  change_rings([&] {
    for (Ring* ring : fresh) {
      merge_.add(ring->merge.get());
      // A ring tells one thread: that of the completer tells this one.
      if (!ring->completer) poll_fds_.push_back(ring->owner.get());
    }
  });
}

std::vector<int> Reader::cpus() const {
  std::vector<int> cpus;
  for (const auto& [cpu, shared] : cpu_rings_) cpus.push_back(cpu);
  return cpus;
}

std::optional<SystemError> Reader::open(const OpenSpec& spec, std::vector<int>& offline) {
  auto event = std::make_unique<Event>();
  event->spec = spec;
  event->layout = layout_of(spec.attr);
  event->urgent = wakes_at_every_record(spec.attr);
  std::optional<SystemError> gone;
  {
    std::lock_guard lock(events_mutex_);
    for (const auto& target : spec.targets) {
      auto error = open_on(target, *event, offline);
      if (!error) continue;
      if (!is_gone(*error, spec.flags)) return error;
      gone = std::move(error);
    }
  }
  if (gone && event->opened.empty()) return gone;
  change_table([&](IdTable& table) {
    for (const auto& opened : event->opened) table.insert(opened.id, {spec.index, event->layout});
  });
  watch_rings(*event);
  {
    std::lock_guard lock(events_mutex_);
    urgent_ += event->urgent;
    events_[spec.index] = std::move(event);
  }
  if (!spec.enabled) return std::nullopt;
  auto error = set_enabled({spec.index}, true);
  if (error) close_events({spec.index});
  return error;
}

std::optional<SystemError> Reader::open_on(const OpenSpec::Target& target, Event& event, std::vector<int>& offline) {
  const OpenSpec& spec = event.spec;
  const auto shared = cpu_rings_.find(target.cpu);
  if (shared == cpu_rings_.end()) {
    offline.push_back(target.cpu);
    return std::nullopt;
  }
  const auto failed = [&](const char* operation, int error) { return SystemError{operation, error, target.cpu, target.pid}; };
  const int group = spec.leader ? group_fd(*spec.leader, target) : -1;
  const int raw = spec.leader && group < 0 ? group : open_event(spec.attr, target.pid, target.cpu, group, spec.flags);
  if (raw == -ENODEV) {
    offline.push_back(target.cpu);
    return std::nullopt;
  }
  if (raw < 0) return failed("perf_event_open", -raw);
  FileDescriptor fd(raw);
  const uint64_t id = event_id(raw);
  if (id == 0) return failed("PERF_EVENT_IOC_ID", errno);
  if (spec.filter && ioctl(raw, PERF_EVENT_IOC_SET_FILTER, spec.filter->c_str()) != 0)
    return failed("PERF_EVENT_IOC_SET_FILTER", errno);
  const Ring* output = &shared->second.ring;
  if (spec.ring_size != 0) {
    if (!event.own_rings.contains(target.cpu)) {
      auto error = open_own_ring(event, target.cpu);
      if (error && error->error == ENODEV) offline.push_back(target.cpu);
      if (error) return error->error == ENODEV ? std::nullopt : std::move(error);
    }
    output = &event.own_rings.at(target.cpu);
  }
  if (ioctl(raw, PERF_EVENT_IOC_SET_OUTPUT, output->owner.get()) != 0) return failed("PERF_EVENT_IOC_SET_OUTPUT", errno);
  event.opened.push_back({std::move(fd), target.cpu, target.pid, id});
  return std::nullopt;
}

std::optional<SystemError> Reader::complete_stacks(Ring& ring, int cpu) {
  const RingMapping& mapping = ring.mapping;
  ring.merge->stash = std::make_shared<StackStash>(mapping.data(), mapping.data_size(), mapping.head(), mapping.tail(),
                                                   ring.merge->layout, read_process_memory);
  ring.completer = std::make_unique<StackCompleter>(cpu);
  return ring.completer->start(ring.owner.get(), ring.merge->stash, [this] {
    stacks_done_ = true;
    // What is only waiting for its time looks by itself, once for all that came meanwhile.
    if (!holding_) signal();
  });
}

int Reader::group_fd(uint32_t leader, const OpenSpec::Target& target) {
  const auto found = events_.find(leader);
  if (found == events_.end()) return -EBADF;
  for (const auto& opened : found->second->opened)
    if (opened.cpu == target.cpu && opened.pid == target.pid && !opened.gone) return opened.fd.get();
  return -ENODEV;
}

std::optional<SystemError> Reader::set_enabled(const std::vector<uint32_t>& indices, bool enabled) {
  std::lock_guard lock(events_mutex_);
  for (uint32_t index : indices) {
    const auto found = events_.find(index);
    if (found == events_.end()) continue;
    // The members of a counter group are open and on: they count when their leader does, all from the same moment.
    found->second->enabled = enabled;
    for (const auto& opened : found->second->opened)
      if (ioctl(opened.fd.get(), enabled ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) != 0)
        return SystemError{enabled ? "PERF_EVENT_IOC_ENABLE" : "PERF_EVENT_IOC_DISABLE", errno, opened.cpu, opened.pid};
  }
  return std::nullopt;
}

std::optional<SystemError> Reader::set_filter(uint32_t index, const std::string& filter) {
  std::lock_guard lock(events_mutex_);
  const auto found = events_.find(index);
  if (found == events_.end()) return SystemError{"PERF_EVENT_IOC_SET_FILTER", EBADF};
  for (const auto& opened : found->second->opened)
    if (ioctl(opened.fd.get(), PERF_EVENT_IOC_SET_FILTER, filter.c_str()) != 0)
      return SystemError{"PERF_EVENT_IOC_SET_FILTER", errno, opened.cpu, opened.pid};
  found->second->spec.filter = filter;
  return std::nullopt;
}

std::optional<SystemError> Reader::counts(uint32_t index, std::vector<EventCounts>& counts) {
  std::lock_guard lock(events_mutex_);
  const auto found = events_.find(index);
  if (found == events_.end()) return SystemError{"read", EBADF};
  for (const auto& opened : found->second->opened) {
    EventCounts one{};
    if (const int error = read_counts(opened.fd.get(), found->second->layout->read_format, one))
      return SystemError{"read", error, opened.cpu, opened.pid};
    add_counts(one, opened.before);
    one.cpu = opened.cpu;
    one.pid = opened.pid;
    counts.push_back(one);
  }
  return std::nullopt;
}

void Reader::change_table(const std::function<void(IdTable&)>& change) {
  std::lock_guard lock(table_mutex_);
  auto changed = std::make_shared<IdTable>(*table_);
  change(*changed);
  table_ = std::move(changed);
}

std::shared_ptr<const IdTable> Reader::table() {
  std::lock_guard lock(table_mutex_);
  return table_;
}

}  // namespace kernscope
