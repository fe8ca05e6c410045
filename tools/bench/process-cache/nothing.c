/* A program that ends at once: what is measured is what it takes to watch it, not what it does. Built without a C library. */
__attribute__((noreturn)) void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" : : "a"(231), "D"(0) : "memory");
#elif defined(__aarch64__)
  register long code __asm__("x0") = 0;
  register long number __asm__("x8") = 94;
  __asm__ volatile("svc 0" : : "r"(code), "r"(number) : "memory");
#endif
  __builtin_unreachable();
}
