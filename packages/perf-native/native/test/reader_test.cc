#include "../reader.h"

#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <thread>

#include "check.h"

namespace kernscope::test {
namespace {

constexpr uint64_t kSampled = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
constexpr uint64_t kRingSize = 1 << 20;

// A packed perf_event_attr of a software event that is off.
std::vector<uint8_t> attr(uint64_t event, uint64_t sampled) {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = event;
  attr.sample_period = 1;
  attr.sample_type = kSampled | sampled;
  attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING | PERF_FORMAT_ID;
  attr.disabled = 1;
  attr.sample_id_all = 1;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  attr.watermark = 1;
  attr.wakeup_watermark = 4096;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&attr);
  return {bytes, bytes + sizeof attr};
}

// A reader of this thread's page faults, and who reads what it hands out.
struct Bed {
  explicit Bed(uint64_t span_size) : memory(span_size) {
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
    ReaderConfig config;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) config.cpus.push_back(cpu);
    config.ring_size = kRingSize;
    config.ticks = {.tick_nanos = 1'000'000, .quick_tick_nanos = 1'000'000, .rest_tick_nanos = 1'000'000};
    config.slack_nanos = 100'000;
    config.clock_id = CLOCK_MONOTONIC;
    reader = std::make_unique<Reader>(config, memory.data(), memory.size(), [] {},
                                      [this] { closer.post([this] { reader->reap(); }); });
    CHECK(!closer.start("test-close"));
  }
  ~Bed() {
    // Behind the reaping that may be under way, as reader_object.cc does.
    std::promise<void> closed;
    closer.post([&] {
      reader->close_all();
      closed.set_value();
    });
    closed.get_future().wait();
    closer.stop();
  }

  // `sampled`: beside what all samples have.
  void open(uint32_t index, uint64_t event, uint64_t sampled, bool own_ring) {
    OpenSpec spec;
    spec.index = index;
    spec.attr = attr(event, sampled);
    for (int cpu : reader->cpus()) spec.targets.push_back({0, cpu});
    spec.enabled = true;
    spec.ring_size = own_ring ? kRingSize : 0;
    std::vector<int> offline;
    CHECK(!reader->open(spec, offline));
  }

  // Closes it; returns how many records of it there are.
  uint64_t close(uint32_t index) {
    CHECK(!reader->set_enabled({index}, false));
    std::vector<EventCounts> counts;
    CHECK(!reader->counts(index, counts));
    uint64_t hits = 0;
    for (const auto& each : counts) hits += each.value;
    reader->close_events({index});
    return hits;
  }

  // Takes one span; false when there was none.
  bool take() {
    Span span;
    if (!reader->take(span)) return false;
    horizon = span.horizon;
    while (span.start < span.end) {
      RecordHeader header;
      std::memcpy(&header, &memory[span.start], sizeof header);
      CHECK(header.event < seen.size());
      CHECK(header.flags == 0);
      if (header.type == PERF_RECORD_SAMPLE) ++seen[header.event];
      span.start += header.length;
    }
    reader->release();
    return true;
  }

  // Takes all that was written before now.
  void settle() {
    for (const uint64_t now = clock_nanos(CLOCK_MONOTONIC); horizon < now;) {
      reader->request_horizon();
      if (!take()) std::this_thread::yield();
    }
  }

  std::vector<uint8_t> memory;
  WorkThread closer;
  std::unique_ptr<Reader> reader;
  std::array<uint64_t, 256> seen{};
  uint64_t horizon = 0;
};

void fault(size_t pages) {
  const size_t size = pages * 4096;
  auto* memory = static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  CHECK(memory != MAP_FAILED);
  madvise(memory, size, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < size; i += 4096) memory[i] = 1;
  munmap(memory, size);
}

bool permitted() {
  const FileDescriptor fd(open_event(attr(PERF_COUNT_SW_DUMMY, 0), -1, 0, -1, 0));
  RingMapping mapping;
  return fd.get() >= 0 && mapping.map(fd.get(), kRingSize) == 0;
}

// Records that could not be taken before their event was closed come out as its own, however long that takes and however
// they are laid out.
void closed_while_full() {
  Bed bed(16 * 1024);
  CHECK(!bed.reader->open_rings(attr(PERF_COUNT_SW_DUMMY, 0)) && !bed.reader->start());
  // Two of a kind would not do: the kernel takes what it has sampled for one software event for the next, with its id.
  bed.open(1, PERF_COUNT_SW_PAGE_FAULTS, PERF_SAMPLE_IP, false);
  bed.open(2, PERF_COUNT_SW_PAGE_FAULTS_MIN, PERF_SAMPLE_IP | PERF_SAMPLE_ADDR, true);
  fault(1000);
  while (bed.reader->stats().stalls == 0) std::this_thread::yield();
  const uint64_t shared = bed.close(1);
  const uint64_t own = bed.close(2);
  CHECK(shared >= 1000 && own >= 1000);
  bed.settle();
  CHECK(bed.seen[1] == shared && bed.seen[2] == own);
  CHECK(bed.reader->stats().unknown == 0 && bed.reader->stats().corrupt == 0 && bed.reader->stats().late == 0);
}

// The same again and again while records are taken: what was closed is forgotten as its records come out.
void closed_while_read() {
  Bed bed(64 * 1024);
  CHECK(!bed.reader->open_rings(attr(PERF_COUNT_SW_DUMMY, 0)) && !bed.reader->start());
  std::array<uint64_t, 256> written{};
  std::atomic<bool> done = false;
  std::thread consumer([&] {
    while (!done)
      if (!bed.take()) std::this_thread::yield();
  });
  for (uint32_t index = 0; index < 60; ++index) {
    bed.open(index, PERF_COUNT_SW_PAGE_FAULTS, index % 3 == 0 ? PERF_SAMPLE_IP : 0, index % 2 != 0);
    fault(100);
    written[index] = bed.close(index);
  }
  done = true;
  consumer.join();
  bed.settle();
  CHECK(bed.seen == written && bed.reader->stats().unknown == 0);
}

// Threads that have ended are left out; where nothing else is wanted, that is told.
void gone_targets() {
  Bed bed(64 * 1024);
  CHECK(!bed.reader->open_rings(attr(PERF_COUNT_SW_DUMMY, 0)));
  int ended = 0;
  std::thread([&] { ended = gettid(); }).join();
  OpenSpec spec;
  spec.attr = attr(PERF_COUNT_SW_PAGE_FAULTS, 0);
  const int cpu = bed.reader->cpus()[0];
  spec.targets = {{ended, cpu}};
  std::vector<int> offline;
  const auto failed = bed.reader->open(spec, offline);
  CHECK(failed && failed->error == ESRCH && failed->pid == ended);
  spec.targets = {{ended, cpu}, {0, cpu}, {ended, cpu}};
  CHECK(!bed.reader->open(spec, offline) && offline.empty());
  std::vector<EventCounts> counts;
  CHECK(!bed.reader->counts(0, counts) && counts.size() == 1 && counts[0].pid == 0);
}

}  // namespace

void reader_tests() {
  if (!permitted()) {
    std::printf("not tried: the kernel's own events\n");
    return;
  }
  closed_while_full();
  closed_while_read();
  gone_targets();
}

}  // namespace kernscope::test
