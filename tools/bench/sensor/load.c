// "storm N": runs /bin/true N times, one after the other. "flood RATE SECONDS": makes RATE system calls a second, a
// five-hundredth of them at a time. Prints the seconds that it took.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  double start = now();
  if (!strcmp(argv[1], "storm")) {
    char *args[] = {"/bin/true", NULL}, *environment[] = {NULL};
    for (int i = 0; i < atoi(argv[2]); i++) {
      pid_t pid = fork();
      if (pid == 0) { execve(args[0], args, environment); _exit(1); }
      waitpid(pid, NULL, 0);
    }
  } else {
    long calls = atol(argv[2]), each = calls / 500;
    for (int part = 0; part < 500 * atoi(argv[3]); part++) {
      for (long i = 0; i < each; i++) syscall(SYS_getppid);
      double ahead = start + (part + 1) / 500.0 - now();
      if (ahead > 0) usleep(ahead * 1e6);
    }
  }
  printf("%f", now() - start);
}
