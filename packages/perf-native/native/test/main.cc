#include "check.h"

namespace kernscope::test {
void kernel_ring_tests();
void span_ring_tests();
void merge_tests();
void sample_layout_tests();
void stack_stash_tests();
}  // namespace kernscope::test

int main() {
  using namespace kernscope::test;
  kernel_ring_tests();
  span_ring_tests();
  merge_tests();
  sample_layout_tests();
  stack_stash_tests();
  std::printf("%lu checks\n", checks);
}
