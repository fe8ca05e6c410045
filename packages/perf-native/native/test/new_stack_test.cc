#include "../new_stack.h"

#include <elf.h>

#include <cstring>
#include <string>
#include <vector>

#include "check.h"

namespace kernscope::test {
namespace {

constexpr uint64_t kPointer = 0x7ffc'0000'1230;

struct Stack {
  std::vector<uint8_t> bytes;

  void word(uint64_t value) {
    const auto* from = reinterpret_cast<const uint8_t*>(&value);
    bytes.insert(bytes.end(), from, from + 8);
  }
  void text(const std::string& text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.push_back(0);
  }
  bool whole(size_t size) const {
    // A copy of its own, so that the sanitizers see what lies outside of it.
    const std::vector<uint8_t> copy(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    return reaches_end_of_new_stack(copy.data(), size, kPointer);
  }
};

// As the kernel lays it out: counts and pointers, a gap, then the strings up to the stack's last word.
Stack new_stack(uint64_t arguments, uint64_t variables, size_t gap) {
  Stack stack;
  const uint64_t words = 1 + arguments + 1 + variables + 1 + 6;
  const uint64_t strings = kPointer + words * 8 + gap;
  stack.word(arguments);
  for (uint64_t i = 0; i < arguments; ++i) stack.word(strings + 2 * i);
  stack.word(0);
  for (uint64_t i = 0; i < variables; ++i) stack.word(strings + 2 * (arguments + i));
  stack.word(0);
  stack.word(AT_PAGESZ);
  stack.word(4096);
  stack.word(AT_EXECFN);
  stack.word(strings + 2 * (arguments + variables));
  stack.word(AT_NULL);
  stack.word(0);
  stack.bytes.resize(stack.bytes.size() + gap);
  for (uint64_t i = 0; i < arguments + variables; ++i) stack.text("x");
  // The name's length makes the end come at a whole word.
  std::string name = "/bin/true";
  while ((stack.bytes.size() + name.size() + 1) % 8 != 0) name += 'e';
  stack.text(name);
  stack.word(0);
  return stack;
}

void whole_copies_are_told_from_cut_ones() {
  for (uint64_t arguments : {0, 1, 5})
    for (uint64_t variables : {0, 3})
      for (size_t gap : {0, 64}) {
        const Stack stack = new_stack(arguments, variables, gap);
        CHECK(stack.whole(stack.bytes.size()));
        for (size_t size = 0; size < stack.bytes.size(); ++size) CHECK(!stack.whole(size));
      }
}

void nothing_outside_of_the_copy_is_read() {
  const Stack good = new_stack(2, 2, 16);
  for (size_t at = 0; at < good.bytes.size(); at += 8)
    for (uint64_t value : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{AT_EXECFN}, kPointer - 1, kPointer + good.bytes.size()}) {
      Stack stack = good;
      std::memcpy(&stack.bytes[at], &value, 8);
      for (size_t size = 0; size <= stack.bytes.size(); size += 8) stack.whole(size);
    }
  Stack other;
  for (uint64_t i = 0; i < 100; ++i) other.word(i);
  other.word(0);
  CHECK(!other.whole(other.bytes.size()));
}

}  // namespace

void new_stack_tests() {
  whole_copies_are_told_from_cut_ones();
  nothing_outside_of_the_copy_is_read();
}

}  // namespace kernscope::test
