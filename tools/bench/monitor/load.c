// A process that makes a system call nobody else makes, pinned to one CPU: lseek(-1, serial, WHENCE), which fails at once.
//
//   load CPU SECONDS RATE    RATE calls a second; 0: as fast as it can
//
// Prints one line: calls made, nanoseconds taken.
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// monitor.mjs filters on it.
#define WHENCE 77777
// A fixed rate is kept by sleeping so long between bursts.
#define PAUSE 50000

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(atoi(argv[1]), &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
    perror("load: sched_setaffinity");
    return 1;
  }
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  const uint64_t span = (uint64_t)(atof(argv[2]) * 1e9);
  const double rate = atof(argv[3]);
  const uint64_t start = now();
  uint64_t calls = 0, passed;
  while ((passed = now() - start) < span) {
    const uint64_t due = rate == 0 ? calls + 1000 : (uint64_t)((double)passed * rate / 1e9);
    while (calls < due) syscall(SYS_lseek, -1, (long)calls++, WHENCE);
    if (rate != 0) {
      const struct timespec pause = {0, PAUSE};
      nanosleep(&pause, NULL);
    }
  }
  printf("%lu %lu\n", (unsigned long)calls, (unsigned long)(now() - start));
  return 0;
}
