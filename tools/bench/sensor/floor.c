// What the kernel's part of watching an exec storm costs the storm at the least: a sensor's events that come in each
// fork, exec and exit, into rings of the same size, and on each CPU a thread that wakes at each exec as the one does that
// completes stacks. Nothing is read but the rings' heads.
//
//   floor EXEC_ID OTHER_ID...
//
// Tracepoints' ids. Prints a line when all is open; ends when its input does.
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_RINGS 512
#define TICK_MS 20
// The stack pointer's bit among the user registers: asm/perf_regs.h.
#ifdef __x86_64__
#define STACK_POINTER 7
#else
#define STACK_POINTER 31
#endif

static struct perf_event_mmap_page *rings[MAX_RINGS];
static int ring_count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_event(uint64_t id, int cpu, uint64_t more, int each) {
  struct perf_event_attr attr = {
      .size = sizeof attr,
      .type = PERF_TYPE_TRACEPOINT,
      .config = id,
      .sample_period = 1,
      .sample_type = PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW | more,
      .watermark = !each,
      .use_clockid = 1,
      .clockid = CLOCK_MONOTONIC,
  };
  if (each) attr.wakeup_events = 1;
  else attr.wakeup_watermark = 256 << 10;
  if (more & PERF_SAMPLE_STACK_USER) {
    attr.sample_regs_user = 1ull << STACK_POINTER;
    attr.sample_stack_user = 16384;
  }
  const int event = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0) fail("perf_event_open");
  return event;
}

static void map_ring(int event, size_t size) {
  void *ring = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE) + size, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
  if (ring == MAP_FAILED) fail("mmap");
  if (ring_count == MAX_RINGS) exit(1);
  rings[ring_count++] = ring;
}

struct waiter {
  int cpu, event;
};

static void *wait_for_execs(void *of) {
  const struct waiter *waiter = of;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(waiter->cpu, &cpus);
  const struct sched_param priority = {1};
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0 || sched_setscheduler(0, SCHED_FIFO, &priority) != 0) fail("sched");
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN | EPOLLET};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, waiter->event, &event) != 0) fail("epoll_ctl");
  while (1) epoll_wait(epoll, &event, 1, -1);
  return NULL;
}

int main(int count, char **args) {
  if (count < 3) return 2;
  const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    const int event = open_event(strtoull(args[1], NULL, 10), cpu, PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER, 1);
    map_ring(event, 8 << 20);
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL) fail("malloc");
    *waiter = (struct waiter){cpu, event};
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_execs, waiter) != 0) fail("pthread_create");
    int shared = -1;
    for (int i = 2; i < count; ++i) {
      const int other = open_event(strtoull(args[i], NULL, 10), cpu, 0, 0);
      if (shared < 0) map_ring(shared = other, 2 << 20);
      else if (ioctl(other, PERF_EVENT_IOC_SET_OUTPUT, shared) != 0) fail("SET_OUTPUT");
    }
  }
  puts("ready");
  fflush(stdout);
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  while (poll(&input, 1, TICK_MS) == 0)
    for (int i = 0; i < ring_count; ++i) {
      const uint64_t head = __atomic_load_n(&rings[i]->data_head, __ATOMIC_ACQUIRE);
      __atomic_store_n(&rings[i]->data_tail, head, __ATOMIC_RELEASE);
    }
  return 0;
}
