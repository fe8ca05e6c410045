/**
 * A program that does what a process can do to confuse an observer: `actor MODE [ARGUMENTS]`. It prints what a cache is to
 * find out, one line each, fields parted by blanks.
 */
export const actorSource = String.raw`
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void *sleep_long(void *unused) { for (;;) pause(); return unused; }
static void start(void *(*body)(void *), void *argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, argument) != 0) abort();
}
static void *exit_all(void *code) { usleep(20000); exit((int)(intptr_t)code); }
static void *exit_alone(void *code) { usleep(20000); syscall(SYS_exit, (int)(intptr_t)code); return NULL; }
static void *crash(void *unused) { usleep(20000); *(volatile int *)8 = 1; return unused; }
static void handler(int signal) { (void)signal; }
static void leave(int signal) { (void)signal; _exit(33); }

/* Ways to die. */
static void way_return(void) { exit(0); }
static void way_code(void) { exit(7); }
static void way_big_code(void) { exit(0x1ff); }
static void way_raw_exit(void) { syscall(SYS_exit, 12); }
static void way_abort(void) { abort(); }
static void way_segv(void) { *(volatile int *)8 = 1; }
static void way_fpe(void) { raise(SIGFPE); }
static void way_term(void) { raise(SIGTERM); }
static void way_kill(void) { raise(SIGKILL); }
static void way_usr1(void) { raise(SIGUSR1); }
static void way_realtime(void) { raise(SIGRTMIN + 3); }
static void way_alarm(void) { alarm(1); pause(); }
static void way_pipe(void) { int fds[2]; if (pipe(fds)) abort(); close(fds[0]); if (write(fds[1], "x", 1) < 0) _exit(99); }
static void way_handled_then_exit(void) { signal(SIGTERM, handler); raise(SIGTERM); exit(5); }
static void way_handler_exits(void) { signal(SIGTERM, leave); raise(SIGTERM); pause(); }
static void way_handled_then_killed(void) { signal(SIGTERM, handler); raise(SIGTERM); raise(SIGINT); }
static void way_blocked_then_taken(void) {
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL); raise(SIGUSR2); sigprocmask(SIG_UNBLOCK, &set, NULL);
}
static void way_ignored(void) { signal(SIGHUP, SIG_IGN); raise(SIGHUP); exit(6); }
static void way_threads_return(void) { for (int i = 0; i < 8; i++) start(sleep_long, NULL); usleep(5000); exit(21); }
static void way_thread_exits_all(void) { start(sleep_long, NULL); start(exit_all, (void *)22); pause(); }
static void way_threads_killed(void) { for (int i = 0; i < 8; i++) start(sleep_long, NULL); usleep(5000); kill(getpid(), SIGTERM); pause(); }
static void way_thread_crashes(void) { start(sleep_long, NULL); start(crash, NULL); pause(); }
static void way_worker_gone_then_killed(void) { start(exit_alone, (void *)3); usleep(60000); start(sleep_long, NULL); kill(getpid(), SIGINT); pause(); }
static void way_leader_first(void) { start(exit_all, (void *)23); pthread_exit(NULL); }
static void way_leader_first_alone(void) { start(exit_alone, (void *)24); syscall(SYS_exit, 1); }
static void way_leader_first_killed(void) { start(crash, NULL); pthread_exit(NULL); }

static const struct { const char *name; void (*run)(void); } ways[] = {
#define WAY(name) { #name, way_##name }
  WAY(return), WAY(code), WAY(big_code), WAY(raw_exit), WAY(abort), WAY(segv), WAY(fpe), WAY(term), WAY(kill), WAY(usr1),
  WAY(realtime), WAY(alarm), WAY(pipe), WAY(handled_then_exit), WAY(handler_exits), WAY(handled_then_killed),
  WAY(blocked_then_taken), WAY(ignored), WAY(threads_return), WAY(thread_exits_all), WAY(threads_killed),
  WAY(thread_crashes), WAY(worker_gone_then_killed), WAY(leader_first), WAY(leader_first_alone), WAY(leader_first_killed),
};

static int reap(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return status;
}

/* name, pid, status as wait(2) has it */
static void die(useconds_t before_reaping) {
  /* What is dumped goes with the program. */
  char self[4096] = {0};
  if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) abort();
  *strrchr(self, '/') = 0;
  if (chdir(self) != 0) abort();
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
      /* Half of them may leave a core dump. */
      struct rlimit core = {i % 2 * (1 << 20), 1 << 20};
      setrlimit(RLIMIT_CORE, &core);
      ways[i].run();
      _exit(100);
    }
    siginfo_t info;
    waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
    usleep(before_reaping);
    printf("%s %d %d\n", ways[i].name, pid, reap(pid));
  }
}

/* pid, five arguments; as many at a time as asked for */
static void storm(int count, int parallel) {
  static char out[1 << 20];
  setvbuf(stdout, out, _IOFBF, sizeof out);
  int running = 0;
  srandom(getpid());
  for (int i = 0; i < count; i++) {
    char words[5][40];
    for (int k = 0; k < 5; k++) snprintf(words[k], sizeof words[k], "%lx-%d", random(), i * 5 + k);
    char *argv[] = {"/bin/true", words[0], words[1], words[2], words[3], words[4], NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) != 0) abort();
    printf("%d %s %s %s %s %s\n", pid, words[0], words[1], words[2], words[3], words[4]);
    if (++running == parallel) { wait(NULL); running--; }
  }
  while (running-- > 0) wait(NULL);
}

static char *true_argv[] = {"/bin/true", "by", "thread", NULL};
static void *exec_true(void *unused) { prctl(PR_SET_NAME, "second"); execv("/bin/true", true_argv); return unused; }
static void *print_tid_and_exec(void *unused) { printf("%d %ld\n", getpid(), syscall(SYS_gettid)); fflush(stdout); return exec_true(unused); }

/* pid of the process, tid of the thread that called execve */
static void thread_exec(int leader_first) {
  start(sleep_long, NULL);
  usleep(5000);
  start(print_tid_and_exec, NULL);
  if (leader_first) pthread_exit(NULL);
  pause();
}

/* child, grandchild that outlives it */
static void double_fork(void) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) { usleep(50000); execl("/bin/true", "/bin/true", "orphan", NULL); }
    printf("%d %d\n", getpid(), grandchild);
    fflush(stdout);
    _exit(0);
  }
  reap(child);
  usleep(200000);
}

/* pids of a vfork, a posix_spawn and a CLONE_PARENT child */
static void spawn_ways(void) {
  char *argv[] = {"/bin/true", "spawned", NULL};
  pid_t by_vfork = vfork();
  if (by_vfork == 0) execv("/bin/true", argv);
  pid_t by_spawn;
  if (posix_spawn(&by_spawn, "/bin/true", NULL, NULL, argv, environ) != 0) abort();
  reap(by_vfork);
  reap(by_spawn);
  struct clone_args args;
  memset(&args, 0, sizeof args);
  args.flags = CLONE_PARENT;
  pid_t sibling = syscall(SYS_clone3, &args, sizeof args);
  if (sibling == 0) _exit(0);
  printf("%d %d %d\n", by_vfork, by_spawn, sibling);
}

static void odd_argv(void) {
  char *const none[] = {NULL};
  char *const odd[] = {"line\nbreak", "", "\xff\xfe bytes \xc3", "caf\xc3\xa9", " ", NULL};
  for (int i = 0; i < 2; i++) {
    pid_t pid = fork();
    if (pid == 0) { execve("/bin/true", i == 0 ? none : odd, environ); _exit(1); }
    printf("%d %d\n", pid, reap(pid));
    fflush(stdout);
  }
}

/* Goes on until the standard input is closed. */
static void wait_for_end(void) { char byte; while (read(0, &byte, 1) > 0) {} }

static volatile int renamed;
static void *rename_and_wait(void *name) { prctl(PR_SET_NAME, name); renamed = 1; return sleep_long(NULL); }

static void rename_often(int count) {
  char name[20];
  start(rename_and_wait, "worker");
  for (int i = 0; i < count; i++) { snprintf(name, sizeof name, "name %d", i); prctl(PR_SET_NAME, name); }
  while (!renamed) usleep(1000);
  printf("%d %s\n", getpid(), name);
  fflush(stdout);
  wait_for_end();
}

static void *short_thread(void *unused) { return unused; }

/* pid, threads that stay */
static void threads(int count) {
  for (int i = 0; i < count; i++) { start(short_thread, NULL); start(sleep_long, NULL); }
  usleep(50000);
  printf("%d %d\n", getpid(), count);
  fflush(stdout);
  wait_for_end();
}

/* pids of children that wait until the standard input is closed */
static void wait_many(int count) {
  for (int i = 0; i < count; i++) {
    pid_t pid = fork();
    if (pid == 0) { wait_for_end(); _exit(0); }
    printf("%d\n", pid);
    usleep(random() % 3000);
  }
  fflush(stdout);
  for (int i = 0; i < count; i++) wait(NULL);
}

/* changes its ids, then executes a program; pid */
static void change_ids(int uid, int gid, char **argv) {
  printf("%d\n", getpid());
  fflush(stdout);
  if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) abort();
  execv(argv[0], argv);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? atoi(argv[2]) : 0;
  if (!strcmp(mode, "die")) die(number);
  else if (!strcmp(mode, "storm")) storm(number, atoi(argv[3]));
  else if (!strcmp(mode, "thread-exec")) thread_exec(number);
  else if (!strcmp(mode, "double-fork")) double_fork();
  else if (!strcmp(mode, "spawn-ways")) spawn_ways();
  else if (!strcmp(mode, "odd-argv")) odd_argv();
  else if (!strcmp(mode, "rename")) rename_often(number);
  else if (!strcmp(mode, "threads")) threads(number);
  else if (!strcmp(mode, "wait-many")) wait_many(number);
  else if (!strcmp(mode, "change-ids")) change_ids(number, atoi(argv[3]), argv + 4);
  else return 2;
  return 0;
}
`;
