#include "../work_thread.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include "check.h"

namespace kernscope::test {
namespace {

bool blocked(int signal) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, signal);
}

// One job after the other, on a thread that no signal comes to.
void works() {
  WorkThread thread;
  CHECK(!thread.start("test-work"));
  std::promise<bool> done;
  int jobs = 0;
  thread.post([&] { ++jobs; });
  thread.post([&] { done.set_value(blocked(SIGTERM)); });
  CHECK(done.get_future().get() && jobs == 1 && !blocked(SIGTERM));
  thread.stop();
}

// Where the system has no more threads to give, that is told, and signals come as before.
int fails_without_threads() {
  // The limit is for users, and not for who may raise it.
  if (geteuid() == 0 && setresuid(54321, 54321, 54321) != 0) return 77;
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_NPROC, &none) != 0) return 77;
  WorkThread thread;
  const auto failed = thread.start("test-work");
  if (!failed || failed->operation != "pthread_create" || failed->error != EAGAIN) return 1;
  return blocked(SIGTERM) ? 2 : 0;
}

}  // namespace

void work_thread_tests() {
  const pid_t child = fork();
  if (child == 0) _exit(fails_without_threads());
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
  if (WEXITSTATUS(status) == 77) std::printf("not tried: a limit of threads\n");
  works();
}

}  // namespace kernscope::test
