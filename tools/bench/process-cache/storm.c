/*
 * storm PROGRAM COUNT RATE PARALLEL: starts PROGRAM COUNT times with a nonce of its own as argument, at RATE a second (0: as
 * fast as it goes), with PARALLEL of them at a time at most. Then prints the seconds it took, and a line for each: pid, nonce.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  char *program = argv[1];
  int count = atoi(argv[2]), rate = atoi(argv[3]), parallel = atoi(argv[4]), running = 0;
  pid_t *pids = calloc(count, sizeof *pids);
  uint64_t *nonces = calloc(count, sizeof *nonces);
  srandom(getpid());
  double start = now();
  for (int i = 0; i < count; i++) {
    nonces[i] = (uint64_t)random() << 32 ^ (uint64_t)random() << 8 ^ i;
    char text[24];
    snprintf(text, sizeof text, "%llx", (unsigned long long)nonces[i]);
    char *arguments[] = {program, text, NULL};
    while (rate > 0 && now() < start + (double)i / rate) {
      if (running > 0 && waitpid(-1, NULL, WNOHANG) > 0) running--;
      else usleep(50);
    }
    pid_t pid = vfork();
    if (pid < 0) { perror("vfork"); return 1; }
    if (pid == 0) { execve(program, arguments, environ); _exit(127); }
    pids[i] = pid;
    if (++running >= parallel && waitpid(-1, NULL, 0) > 0) running--;
  }
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {}
  printf("%f\n", now() - start);
  for (int i = 0; i < count; i++) printf("%d %llx\n", pids[i], (unsigned long long)nonces[i]);
  return 0;
}
