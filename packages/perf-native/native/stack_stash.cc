#include "stack_stash.h"

#include <sys/uio.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "new_stack.h"
#include "record_layout.h"

namespace kernscope {
namespace {

constexpr uint64_t kPage = 4096;
// Bytes from the stack pointer on that tell one stack from another: the count of arguments and the address of the first.
constexpr size_t kCompared = 16;
// Positions are multiples of 8.
constexpr uint64_t kBusy = 1;
// How long the merge waits for a thread that is in the middle of a record, which reads some pages. Only one whose CPU is
// taken away takes longer, as by an emulator that runs a guest's CPUs in turns of a tenth of a second. What does not fit the
// rings meanwhile is counted; what the thread is about to read may be gone when somebody else asks.
constexpr std::chrono::milliseconds kPatience{150};
constexpr std::chrono::microseconds kMoment{20};
// A slow stream stays in so much of the memory.
constexpr uint64_t kRewindAfter = 128 * 1024;

}  // namespace

size_t read_process_memory(int pid, uint64_t address, uint8_t* to, size_t size) {
  // The call stops at whole elements, so each page is one.
  std::vector<iovec> remote;
  remote.reserve(size / kPage + 2);
  for (uint64_t at = address; at < address + size;) {
    const uint64_t end = std::min((at / kPage + 1) * kPage, address + size);
    remote.push_back({reinterpret_cast<void*>(at), end - at});
    at = end;
  }
  const iovec local{to, size};
  const ssize_t got = process_vm_readv(pid, &local, 1, remote.data(), remote.size(), 0);
  return got < 0 ? 0 : static_cast<size_t>(got);
}

// Where a record's stack goes on.
struct StackStash::Cut {
  ParsedRecord parsed;
  uint64_t end = 0;   // address
  uint64_t size = 0;  // bytes that were asked for beyond it; 0 where nothing is missing
};

StackStash::StackStash(const uint8_t* data, uint64_t size, const uint64_t* head, const uint64_t* tail,
                       std::shared_ptr<const SampleLayout> layout, ReadMemory read)
    : layout_(std::move(layout)),
      read_(std::move(read)),
      next_(*tail),
      tail_(*tail),
      ring_(data, size, head, &tail_),
      memory_(2 * size + 2 * kMaxRecord),
      spans_(memory_.data(), memory_.valid() ? memory_.size() : 0) {
  // A page that is touched for the first time by the thread would cost it time that it has not.
  if (memory_.valid()) std::memset(memory_.data(), 0, kRewindAfter);
}

bool StackStash::scan() {
  spans_.rewind(kRewindAfter);
  ring_.refresh();
  bool found = false;
  for (uint64_t at = next_.load(std::memory_order_acquire);;) {
    ring_.seek(at);
    if (ring_.empty()) return found;
    if (!next_.compare_exchange_strong(at, at | kBusy)) continue;
    found = true;
    uint32_t size = 0;
    if (const uint8_t* record = ring_.next(size)) {
      if (const Cut cut = cut_of(record, size); cut.size != 0) stash(at, record, cut);
      ring_.advance(size);
    }
    uint64_t mine = at | kBusy;
    at = next_.compare_exchange_strong(mine, ring_.position()) ? ring_.position() : mine;
  }
}

StackStash::Bytes StackStash::rest_at(uint64_t position, const uint8_t* record, uint32_t size) {
  if (own_position_ == position) return {own_.data(), own_.size()};
  if (!claim(position, size)) return stashed_for(position);
  own_position_ = position;
  const Cut cut = cut_of(record, size);
  own_.resize(cut.size);
  if (cut.size != 0) own_.resize(read_rest(record, cut, own_.data()));
  return {own_.data(), own_.size()};
}

// Whether the merge is the first at the record.
bool StackStash::claim(uint64_t position, uint32_t size) {
  using Time = std::chrono::steady_clock;
  Time::time_point deadline{};
  for (uint64_t next = next_.load(std::memory_order_acquire); (next & ~kBusy) <= position;) {
    if (deadline == Time::time_point{} && (next & kBusy)) deadline = Time::now() + kPatience;
    if ((next & kBusy) && Time::now() < deadline) {
      std::this_thread::sleep_for(kMoment);
      next = next_.load(std::memory_order_acquire);
    } else if (next_.compare_exchange_weak(next, position + size)) {
      return !(next & kBusy);
    }
  }
  return false;
}

StackStash::Bytes StackStash::stashed_for(uint64_t position) {
  while (true) {
    if (at_ == end_) {
      bool more = false;
      if (!spans_.take(at_, end_, more)) {
        at_ = end_ = 0;
        return {};
      }
    }
    Entry entry;
    std::memcpy(&entry, memory_.data() + at_, sizeof entry);
    if (entry.position > position) return {};
    if (entry.position == position) return {memory_.data() + at_ + sizeof entry, entry.size};
    at_ += sizeof entry + align8(entry.size);
    if (at_ == end_) spans_.release();
  }
}

void StackStash::stash(uint64_t position, const uint8_t* record, const Cut& cut) {
  uint8_t* to = spans_.reserve(sizeof(Entry) + align8(cut.size));
  if (to == nullptr) return;
  const Entry entry{position, read_rest(record, cut, to + sizeof(Entry))};
  if (entry.size == 0) return;
  std::memcpy(to, &entry, sizeof entry);
  spans_.reserve(sizeof(Entry) + align8(entry.size));
  spans_.commit();
  spans_.publish();
}

StackStash::Cut StackStash::cut_of(const uint8_t* record, uint32_t size) const {
  Cut cut{parse_record(record, size, *layout_)};
  const ParsedRecord& parsed = cut.parsed;
  const uint64_t asked = parsed.stack_cut.end - parsed.stack_cut.begin + parsed.stack_size - 8;
  cut.end = parsed.stack_pointer + parsed.stack_size;
  // A copy that ends elsewhere than at a page's end ended where the stack does, or where it was to end.
  if (!parsed.has_stack || parsed.stack_pointer == 0 || parsed.stack_size >= asked || cut.end % kPage != 0) return cut;
  // So did most of those of new programs: to ask the process for what is not there would cost it more than the look.
  const uint8_t* copy = record + parsed.stack_cut.begin - parsed.stack_size;
  if (!reaches_end_of_new_stack(copy, parsed.stack_size, parsed.stack_pointer)) cut.size = asked - parsed.stack_size;
  return cut;
}

// Reads what is missing; nothing where the process has gone on to another program meanwhile, whose stack begins elsewhere.
uint64_t StackStash::read_rest(const uint8_t* record, const Cut& cut, uint8_t* to) const {
  const ParsedRecord& parsed = cut.parsed;
  const int pid = static_cast<int>(parsed.tid);
  const uint64_t got = read_(pid, cut.end, to, cut.size);
  if (got == 0) return 0;
  uint8_t now[kCompared];
  const size_t size = std::min<size_t>(sizeof now, parsed.stack_size);
  const uint8_t* then = record + parsed.stack_cut.begin - parsed.stack_size;
  return read_(pid, parsed.stack_pointer, now, size) == size && std::memcmp(now, then, size) == 0 ? got : 0;
}

}  // namespace kernscope
