// The user stack that execve(2) sets up for a new program (fs/binfmt_elf.c, create_elf_tables).
#pragma once

#include <cstdint>

namespace kernscope {

// Whether a copy of `size` bytes of the stack from `pointer` on, where a new 64-bit program finds its argument count, goes
// to the stack's very end: there lies the file's name, which the auxiliary vector points to, and a null word behind it.
// False for any other stack. Trusts no byte and reads nothing outside of the copy.
bool reaches_end_of_new_stack(const uint8_t* copy, uint64_t size, uint64_t pointer);

}  // namespace kernscope
