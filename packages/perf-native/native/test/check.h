// The least of a test framework: a check that says where it failed, and a count that proves that checks were made.
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace kernscope::test {

inline std::atomic<unsigned long> checks = 0;

inline void check(bool holds, const char* what, const char* file, int line) {
  checks.fetch_add(1, std::memory_order_relaxed);
  if (holds) return;
  std::fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
  std::exit(1);
}

}  // namespace kernscope::test

#define CHECK(condition) ::kernscope::test::check((condition), #condition, __FILE__, __LINE__)
