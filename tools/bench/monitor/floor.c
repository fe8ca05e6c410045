// What the work costs at the least: the same rings as the monitor's, merged in time order and copied, no JavaScript.
//
//   floor TRACEPOINT_ID FILTER RING_BYTES WATERMARK_BYTES TICK_MS SLACK_US LATENCY
//
// LATENCY 1: also measures the time from the kernel's time stamp to the copy, of every record.
// Speaks the contenders' protocol (contender.mjs) and ends when its input does.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_CPUS 256
#define COPY_SIZE (16u << 20)
// uapi headers older than 6.0 lack it.
#define FORMAT_LOST (1u << 4)

struct ring {
  struct perf_event_mmap_page *page;
  const uint8_t *data;
  uint64_t position, end;
  int owner, event;
};

static struct ring rings[MAX_CPUS];
static int ring_count;
static uint64_t ring_size, copied, copy_at;
// By microseconds; the last counts what took longer.
#define LATENCIES 1000000
static uint32_t latencies[LATENCIES];
static int measures_latency;
static uint8_t *copies;
static uint8_t scratch[65536];

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int open_event(struct perf_event_attr *attr, int cpu) {
  return (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int fail(const char *what) {
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  return 1;
}

static int open_ring(int cpu, uint64_t id, const char *filter, uint32_t watermark) {
  struct perf_event_attr attr = {
      .size = sizeof attr,
      .type = PERF_TYPE_SOFTWARE,
      .config = PERF_COUNT_SW_DUMMY,
      .sample_period = 1,
      .sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
      .read_format = FORMAT_LOST,
      .disabled = 1,
      .watermark = 1,
      .sample_id_all = 1,
      .use_clockid = 1,
      .wakeup_watermark = watermark,
      .clockid = CLOCK_MONOTONIC,
  };
  struct ring *ring = &rings[ring_count];
  ring->owner = open_event(&attr, cpu);
  if (ring->owner < 0 && errno == EINVAL) {
    attr.read_format = 0;
    ring->owner = open_event(&attr, cpu);
  }
  if (ring->owner < 0) return errno == ENODEV ? 0 : fail("perf_event_open(dummy)");
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  ring->page = mmap(NULL, page + ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->owner, 0);
  if (ring->page == MAP_FAILED) return fail("mmap");
  ring->data = (const uint8_t *)ring->page + page;
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = id;
  attr.sample_type |= PERF_SAMPLE_RAW;
  ring->event = open_event(&attr, cpu);
  if (ring->event < 0) return fail("perf_event_open(tracepoint)");
  if (ioctl(ring->event, PERF_EVENT_IOC_SET_FILTER, filter) != 0) return fail("SET_FILTER");
  if (ioctl(ring->event, PERF_EVENT_IOC_SET_OUTPUT, ring->owner) != 0) return fail("SET_OUTPUT");
  if (ioctl(ring->event, PERF_EVENT_IOC_ENABLE, 0) != 0) return fail("ENABLE");
  ++ring_count;
  return 0;
}

// The record at the front, in one piece, and its time.
static const uint8_t *front(const struct ring *ring, uint16_t *size, uint64_t *time) {
  if (ring->position == ring->end) return NULL;
  const uint64_t at = ring->position & (ring_size - 1);
  const uint8_t *record = ring->data + at;
  memcpy(size, record + 6, 2);
  if (at + *size > ring_size) {
    memcpy(scratch, record, ring_size - at);
    memcpy(scratch + ring_size - at, ring->data, *size - (ring_size - at));
    record = scratch;
  }
  uint32_t type;
  memcpy(&type, record, 4);
  // header, identifier, pid and tid, time; in other records the time is the third word from the end.
  memcpy(time, type == PERF_RECORD_SAMPLE ? record + 24 : record + *size - 24, 8);
  return record;
}

static void drain(uint64_t horizon) {
  for (int i = 0; i < ring_count; ++i) rings[i].end = __atomic_load_n(&rings[i].page->data_head, __ATOMIC_ACQUIRE);
  while (1) {
    struct ring *first = NULL;
    uint64_t first_time = horizon;
    for (int i = 0; i < ring_count; ++i) {
      uint16_t size;
      uint64_t time;
      if (front(&rings[i], &size, &time) != NULL && time <= first_time) {
        first = &rings[i];
        first_time = time;
      }
    }
    if (first == NULL) break;
    uint16_t size;
    const uint8_t *record = front(first, &size, &first_time);
    uint32_t type;
    memcpy(&type, record, 4);
    if (copy_at + size > COPY_SIZE) copy_at = 0;
    memcpy(copies + copy_at, record, size);
    copy_at += size;
    copied += type == PERF_RECORD_SAMPLE;
    if (measures_latency && type == PERF_RECORD_SAMPLE) {
      const uint64_t micros = (now(CLOCK_MONOTONIC) - first_time) / 1000;
      ++latencies[micros < LATENCIES ? micros : LATENCIES - 1];
    }
    first->position += size;
  }
  for (int i = 0; i < ring_count; ++i) __atomic_store_n(&rings[i].page->data_tail, rings[i].position, __ATOMIC_RELEASE);
}

// Microseconds that so many parts of a hundred took at the most.
static uint32_t percentile(unsigned part) {
  uint64_t total = 0, seen = 0;
  for (uint32_t i = 0; i < LATENCIES; ++i) total += latencies[i];
  for (uint32_t i = 0; i < LATENCIES; ++i)
    if ((seen += latencies[i]) * 100 >= total * part) return i;
  return 0;
}

// Sums of the kernel's counts.
static void read_counts(uint64_t *hits, uint64_t *lost) {
  *hits = *lost = 0;
  for (int i = 0; i < ring_count; ++i) {
    uint64_t words[2] = {0, 0};
    if (read(rings[i].event, words, sizeof words) < 8) continue;
    *hits += words[0];
    *lost += words[1];
  }
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  ring_size = strtoull(argv[3], NULL, 10);
  const uint64_t tick = (uint64_t)(atof(argv[5]) * 1e6);
  const uint64_t slack = (uint64_t)(atof(argv[6]) * 1e3);
  measures_latency = atoi(argv[7]);
  copies = mmap(NULL, COPY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copies == MAP_FAILED) return fail("mmap");
  const long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < cpus && cpu < MAX_CPUS; ++cpu)
    if (open_ring(cpu, strtoull(argv[1], NULL, 10), argv[2], (uint32_t)atoi(argv[4])) != 0) return 1;
  struct pollfd fds[MAX_CPUS + 1] = {{.fd = 0, .events = POLLIN}};
  for (int i = 0; i < ring_count; ++i) fds[i + 1] = (struct pollfd){.fd = rings[i].owner, .events = POLLIN};

  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("{\"ready\":true}\n");
  uint64_t cpu_before = 0, copied_before = 0, hits_before = 0, lost_before = 0;
  while (1) {
    const struct timespec timeout = {(time_t)(tick / 1000000000), (long)(tick % 1000000000)};
    ppoll(fds, (nfds_t)ring_count + 1, &timeout, NULL);
    drain(now(CLOCK_MONOTONIC) - slack);
    if (fds[0].revents == 0) continue;
    char command[16];
    const ssize_t got = read(0, command, sizeof command);
    if (got <= 0) return 0;
    drain(~(uint64_t)0);
    uint64_t hits, lost;
    read_counts(&hits, &lost);
    if (command[0] == 'b') {
      memset(latencies, 0, sizeof latencies);
      printf("{\"begun\":true}\n");
      cpu_before = now(CLOCK_PROCESS_CPUTIME_ID);
      copied_before = copied;
      hits_before = hits;
      lost_before = lost;
    } else {
      const uint64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu_before;
      printf("{\"events\":%lu,\"hits\":%lu,\"lost\":%lu,\"cpuNanos\":%lu,\"p50\":%u,\"p99\":%u,\"max\":%u}\n",
             (unsigned long)(copied - copied_before), (unsigned long)(hits - hits_before),
             (unsigned long)(lost - lost_before), (unsigned long)cpu, percentile(50), percentile(99), percentile(100));
    }
  }
}
