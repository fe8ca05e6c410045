/* Makes RATE calls a second of sched_get_priority_max(2), which nearly nobody else calls, for SECONDS: in bursts every 2 ms or,
   where that is less than one, singly. Prints how many it made. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  double rate = atof(argv[1]), seconds = atof(argv[2]), start = now(), past;
  long made = 0;
  while ((past = now() - start) < seconds) {
    for (long due = past * rate; made < due; made++) syscall(SYS_sched_get_priority_max, SCHED_FIFO);
    double next = (made + 1) / rate - past;
    usleep((next > 0.002 ? next : 0.002) * 1e6);
  }
  printf("%ld", made);
  return 0;
}
