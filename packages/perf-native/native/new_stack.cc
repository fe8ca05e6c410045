#include "new_stack.h"

#include <elf.h>

#include <cstring>

namespace kernscope {

bool reaches_end_of_new_stack(const uint8_t* copy, uint64_t size, uint64_t pointer) {
  constexpr uint64_t kWord = sizeof(uint64_t);
  const uint64_t words = size / kWord;
  const auto word = [copy](uint64_t index) {
    uint64_t value;
    std::memcpy(&value, copy + index * kWord, kWord);
    return value;
  };
  if (words == 0 || word(words - 1) != 0) return false;
  // Arguments, a null word, environment, a null word.
  const uint64_t arguments = word(0);
  if (arguments >= words) return false;
  uint64_t at = arguments + 2;
  while (at < words && word(at) != 0) ++at;
  for (++at; at + 1 < words && word(at) != AT_NULL; at += 2) {
    if (word(at) != AT_EXECFN) continue;
    const uint64_t name = word(at + 1) - pointer;
    if (name >= size - kWord) return false;
    return name + strnlen(reinterpret_cast<const char*>(copy) + name, size - name) + 1 + kWord == size;
  }
  return false;
}

}  // namespace kernscope
