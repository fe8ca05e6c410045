#include "check.h"

namespace kernscope::test {
void kernel_ring_tests();
void span_ring_tests();
void merge_tests();
void sample_layout_tests();
void new_stack_tests();
void stack_stash_tests();
void work_thread_tests();
void ticks_tests();
void reader_tests();
}  // namespace kernscope::test

int main() {
  using namespace kernscope::test;
  work_thread_tests();  // first: it forks, and there is one thread yet
  kernel_ring_tests();
  span_ring_tests();
  merge_tests();
  sample_layout_tests();
  new_stack_tests();
  stack_stash_tests();
  ticks_tests();
  reader_tests();
  std::printf("%lu checks\n", checks.load());
}
