#include "stack_rest.h"

#include <linux/perf_event.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace kernscope {
namespace {

// The first bytes of the stack are read again: argc and the first argument's address, which is random, tell whether this
// is still the program that was sampled.
constexpr size_t kCheckBytes = 16;
// Bytes that may wait to be handed out.
constexpr uint64_t kMaxHeld = 16 << 20;

ssize_t read_two(pid_t pid, uint64_t first_at, std::vector<uint8_t>& first, uint64_t second_at,
                 std::vector<uint8_t>& second) {
  const iovec local[2] = {{first.data(), first.size()}, {second.data(), second.size()}};
  const iovec remote[2] = {{reinterpret_cast<void*>(first_at), first.size()},
                           {reinterpret_cast<void*>(second_at), second.size()}};
  return process_vm_readv(pid, local, 2, remote, 2, 0);
}

}  // namespace

StackRest::StackRest(uint32_t limit) : StackRest(limit, read_two) {}

void StackRest::read(KernelRing& ring, const SampleLayout& layout) {
  looked_ = std::max(looked_, ring.position());
  while (looked_ < ring.end()) {
    uint32_t size = 0;
    const uint8_t* record = ring.at(looked_, size);
    if (record == nullptr) {
      // The merge will skip up to the head as well.
      looked_ = ring.end();
      return;
    }
    const ParsedRecord parsed = parse_record(record, size, layout);
    if (parsed.type == PERF_RECORD_SAMPLE && !parsed.corrupt && parsed.has_stack) complete(looked_, record, parsed);
    looked_ += size;
  }
}

const std::vector<uint8_t>* StackRest::find(uint64_t position) {
  while (!rests_.empty() && rests_.front().first < position) {
    held_ -= rests_.front().second.size();
    rests_.pop_front();
  }
  return !rests_.empty() && rests_.front().first == position ? &rests_.front().second : nullptr;
}

void StackRest::complete(uint64_t position, const uint8_t* record, const ParsedRecord& parsed) {
  const uint64_t valid = parsed.stack_size;
  if (parsed.stack_pointer == 0 || valid < kCheckBytes || valid >= limit_ || held_ >= kMaxHeld) return;
  check_.resize(kCheckBytes);
  buffer_.resize(limit_ - valid);
  const ssize_t got = read_process_(static_cast<pid_t>(parsed.pid), parsed.stack_pointer, check_,
                                    parsed.stack_pointer + valid, buffer_);
  if (got <= static_cast<ssize_t>(kCheckBytes)) return;
  const uint8_t* stack = record + parsed.stack_cut.begin - valid;
  if (std::memcmp(stack, check_.data(), kCheckBytes) != 0) return;
  const size_t rest = static_cast<size_t>(got) - kCheckBytes;
  rests_.emplace_back(position, std::vector<uint8_t>(buffer_.begin(), buffer_.begin() + rest));
  held_ += rest;
}

}  // namespace kernscope
