/**
 * A program that changes what a process is made of: `changer MODE [ARGUMENTS]`. It prints what a cache is to find out, one
 * line each, fields parted by blanks, and goes on until its standard input is closed.
 */
export const changerSource = String.raw`
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void wait_for_end(void) { char byte; while (read(0, &byte, 1) > 0) {} }

static pid_t clone_into(uint64_t flags, int cgroup, pid_t pid) {
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = flags;
  args.exit_signal = SIGCHLD;
  args.cgroup = cgroup;
  if (pid > 0) { args.set_tid = (uint64_t)(uintptr_t)&pid; args.set_tid_size = 1; }
  return syscall(SYS_clone3, &args, sizeof args);
}

#if defined(__x86_64__)
static long call32(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return result;
}
#else
static long call32(long number, long a, long b, long c) { (void)number; (void)a; (void)b; (void)c; abort(); }
#endif

/* Every way to have other ids: its name, its numbers here and for 32-bit programs, what it is called with. */
static const struct { const char *name; long number, number32, a, b, c; } ways[] = {
  {"setuid", SYS_setuid, 213, 1001, 0, 0}, {"setgid", SYS_setgid, 214, 1002, 0, 0},
  {"setreuid", SYS_setreuid, 203, -1, 1003, 0}, {"setregid", SYS_setregid, 204, 1004, -1, 0},
  {"setresuid", SYS_setresuid, 208, -1, 1005, 1006}, {"setresgid", SYS_setresgid, 210, 1007, 1008, -1},
  {"setfsuid", SYS_setfsuid, 215, 1009, 0, 0}, {"setfsgid", SYS_setfsgid, 216, 1010, 0, 0},
  {"failing", SYS_setresuid, 208, -2, -2, -2},
};

/* name, pid, the lines Uid and Gid of its status; or name, pid, no where this kernel has no such calls */
static void set_ids(int bits) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      if (i == 8) syscall(SYS_setresuid, 1, 1, 1);
      if (bits == 32) call32(ways[i].number32, ways[i].a, ways[i].b, ways[i].c);
      else syscall(ways[i].number, ways[i].a, ways[i].b, ways[i].c);
      char text[4096] = {0}, uid[4][16], gid[4][16];
      int file = open("/proc/self/status", O_RDONLY);
      if (read(file, text, sizeof text - 1) < 0) abort();
      if (sscanf(strstr(text, "\nUid:"), "\nUid: %15s %15s %15s %15s", uid[0], uid[1], uid[2], uid[3]) != 4) abort();
      if (sscanf(strstr(text, "\nGid:"), "\nGid: %15s %15s %15s %15s", gid[0], gid[1], gid[2], gid[3]) != 4) abort();
      printf("%s %d %s %s %s %s %s %s %s %s\n", ways[i].name, getpid(), uid[0], uid[1], uid[2], uid[3], gid[0], gid[1], gid[2], gid[3]);
      fflush(stdout);
      wait_for_end();
      _exit(0);
    }
    siginfo_t info;
    usleep(20000);
    info.si_pid = 0;
    waitid(P_PID, pid, &info, WEXITED | WNOHANG);
    if (info.si_pid == pid && info.si_code != CLD_EXITED) { printf("%s %d no\n", ways[i].name, pid); fflush(stdout); }
  }
  wait_for_end();
}

/* pid, and the id of a thread that shares its directory and of one that does not */
static long shared, own;
static volatile int moved;
static void *move_shared(void *unused) { shared = syscall(SYS_gettid); if (chdir("/usr")) abort(); moved++; pause(); return unused; }
static void *move_own(void *unused) { own = syscall(SYS_gettid); if (unshare(CLONE_FS) || chdir("/etc")) abort(); moved++; pause(); return unused; }
static void move_about(const char *odd) {
  pthread_t thread;
  if (chdir("/tmp") || chdir(odd)) abort();
  int root = open("/", O_RDONLY | O_DIRECTORY);
  if (fchdir(root) || !chdir("/nonexistent")) abort();
  pthread_create(&thread, NULL, move_shared, NULL);
  while (moved < 1) usleep(1000);
  pthread_create(&thread, NULL, move_own, NULL);
  while (moved < 2) usleep(1000);
  printf("%d %ld %ld\n", getpid(), shared, own);
  fflush(stdout);
  wait_for_end();
}

/* pids of children that each start in the cgroup and execute a program */
static void into_cgroup(const char *path, int count) {
  int cgroup = open(path, O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < count; i++) {
    fflush(stdout);
    pid_t pid = clone_into(CLONE_INTO_CGROUP, cgroup, 0);
    if (pid < 0) abort();
    if (pid == 0) {
      char number[16];
      snprintf(number, sizeof number, "%d", i);
      execl("/bin/true", "/bin/true", number, NULL);
      _exit(1);
    }
    printf("%d\n", pid);
    waitpid(pid, NULL, 0);
  }
}

/* Executes a copy of itself that is in memory only; pid */
static void from_memory(void) {
  int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("hidden", 0);
  char buffer[1 << 16];
  for (ssize_t length; (length = read(from, buffer, sizeof buffer)) > 0;) if (write(to, buffer, length) != length) abort();
  char *argv[] = {"innocent", "wait", NULL};
  fexecve(to, argv, environ);
}

/* pid as others see it, and as it sees itself */
static void pid_namespace(void) {
  int pipes[2];
  if (unshare(CLONE_NEWPID) || pipe(pipes)) abort();
  for (int i = 0; i < 3; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      int own = getpid();
      if (write(pipes[1], &own, sizeof own) < 0) _exit(1);
      if (own == 1) { wait_for_end(); _exit(0); }
      execl("/bin/sleep", "/bin/sleep", own == 2 ? "1000" : "1001", NULL);
    }
    int own;
    if (read(pipes[0], &own, sizeof own) != sizeof own) abort();
    usleep(50000);
    printf("%d %d\n", pid, own);
  }
  fflush(stdout);
  wait_for_end();
}

/* Executes a program where its ids are others'; pid */
static void user_namespace(void) {
  fflush(stdout);
  if (unshare(CLONE_NEWUSER)) { printf("no\n"); return; }
  printf("%d\n", getpid());
  fflush(stdout);
  execl("/bin/cat", "/bin/cat", NULL);
}

/*
 * Makes processes that all have one of a few pids, one after the other: pid, nonce. Each takes the nonce for its name; one
 * in ten executes a program with it. Pids that somebody else has are left out.
 */
static void reuse(int first, int pids, int count) {
  srandom(getpid());
  for (int i = 0, turn = 0; i < count && turn < 3 * count; turn++) {
    char nonce[16];
    snprintf(nonce, sizeof nonce, "%08lx%x", random(), i % 10);
    pid_t pid = clone_into(0, 0, first + turn % pids);
    if (pid < 0 && (errno == EEXIST || errno == EAGAIN)) continue;
    if (pid < 0) abort();
    if (pid == 0) {
      prctl(PR_SET_NAME, nonce);
      if (i % 10 == 0) execl("/bin/true", "/bin/true", nonce, NULL);
      _exit(i % 100);
    }
    printf("%d %s\n", pid, nonce);
    waitpid(pid, NULL, 0);
    i++;
  }
}

/* Makes processes that end at once, some at a time; the last stays until the standard input is closed; its pid */
static void fork_many(int count) {
  signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < count; i++) {
    pid_t pid;
    while ((pid = fork()) < 0) usleep(100);
    if (pid == 0) _exit(0);
  }
  printf("%d\n", getpid());
  fflush(stdout);
  wait_for_end();
}

/*
 * For some seconds makes processes that have their pid for name and argument, and in both what a reader may stumble over.
 * Each lives for up to so many ms; how many a second.
 */
static void named_forks(int seconds, char *argument, int longest) {
  struct timespec now, end;
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += seconds;
  signal(SIGCHLD, SIG_IGN);
  int made = 0;
  do {
    pid_t pid = fork();
    if (pid == 0) {
      char name[16];
      snprintf(name, sizeof name, ") R\n%d", getpid());
      prctl(PR_SET_NAME, name);
      sprintf(argument, "%010d\n\xff", getpid());
      usleep(getpid() % 100 * 10 * longest);
      _exit(0);
    }
    if (pid > 0) made++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec < end.tv_sec);
  printf("%d\n", made / seconds);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "set-ids")) set_ids(atoi(argv[2]));
  else if (!strcmp(mode, "move-about")) move_about(argv[2]);
  else if (!strcmp(mode, "into-cgroup")) into_cgroup(argv[2], atoi(argv[3]));
  else if (!strcmp(mode, "from-memory")) from_memory();
  else if (!strcmp(mode, "pid-namespace")) pid_namespace();
  else if (!strcmp(mode, "user-namespace")) user_namespace();
  else if (!strcmp(mode, "reuse")) reuse(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
  else if (!strcmp(mode, "fork-many")) fork_many(atoi(argv[2]));
  else if (!strcmp(mode, "named-forks")) named_forks(atoi(argv[2]), argv[3], atoi(argv[4]));
  else if (!strcmp(mode, "wait")) { printf("%d\n", getpid()); fflush(stdout); wait_for_end(); }
  else return 2;
  return 0;
}
`;
