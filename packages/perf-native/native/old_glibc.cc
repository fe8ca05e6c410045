// Lets a binary that was linked with a new C library be loaded by one from 2.28 on. Threads moved from libpthread into
// libc in 2.34, and their functions got a new version by it, which an older library has not. The linker (--wrap) sends all
// calls of them, those from within libstdc++ included, here, and from here they go to the versions that they always had.
#include <pthread.h>
#include <signal.h>
#include <sys/random.h>

#include <cstdint>

#if defined(__x86_64__)
#define SINCE(x86_64, aarch64) x86_64
#elif defined(__aarch64__)
#define SINCE(x86_64, aarch64) aarch64
#else
#error "not a processor that binaries are made for"
#endif

#define OLD(name, version, result, parameters, arguments)       \
  extern "C" result old_##name parameters;                      \
  __asm__(".symver old_" #name ", " #name "@GLIBC_" version);   \
  extern "C" result __wrap_##name parameters { return old_##name arguments; }

#define BASE SINCE("2.2.5", "2.17")

OLD(pthread_create, BASE, int, (pthread_t * t, const pthread_attr_t* a, void* (*f)(void*), void* x), (t, a, f, x))
OLD(pthread_detach, BASE, int, (pthread_t t), (t))
OLD(pthread_join, BASE, int, (pthread_t t, void** result), (t, result))
OLD(pthread_once, BASE, int, (pthread_once_t * once, void (*f)()), (once, f))
OLD(pthread_getspecific, BASE, void*, (pthread_key_t key), (key))
OLD(pthread_setspecific, BASE, int, (pthread_key_t key, const void* value), (key, value))
OLD(pthread_key_create, BASE, int, (pthread_key_t * key, void (*destroy)(void*)), (key, destroy))
OLD(pthread_key_delete, BASE, int, (pthread_key_t key), (key))
OLD(pthread_setaffinity_np, SINCE("2.3.4", "2.17"), int, (pthread_t t, size_t size, const cpu_set_t* cpus), (t, size, cpus))
OLD(pthread_setname_np, SINCE("2.12", "2.17"), int, (pthread_t t, const char* name), (t, name))
OLD(pthread_sigmask, BASE, int, (int how, const sigset_t* set, sigset_t* old), (how, set, old))

// Since 2.32, read by libstdc++ to save atomic operations: there are always threads here.
extern "C" char __libc_single_threaded = 0;

// Since 2.36, in libstdc++ for random numbers of its own.
extern "C" uint32_t arc4random() {
  uint32_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}
