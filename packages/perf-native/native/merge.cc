#include "merge.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace kernscope {
namespace {

constexpr uint32_t kRecordLostSamples = 13;

template <typename T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void bump(std::atomic<uint64_t>& counter, uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

// Copies into the span and zeroes up to the next multiple of 8, so that no old bytes show.
uint8_t* append(uint8_t* to, const uint8_t* from, uint32_t size) {
  if (size == 0) return to;
  uint8_t* end = to + align8(size);
  std::memset(end - 8, 0, 8);
  std::memcpy(to, from, size);
  return end;
}

// What LOST and LOST_SAMPLES say was lost.
uint64_t lost_in(const ParsedRecord& parsed, const uint8_t* record) {
  uint64_t lost = 0;
  const uint32_t offset = parsed.type == PERF_RECORD_LOST ? 16 : 8;
  if (parsed.type != PERF_RECORD_LOST && parsed.type != kRecordLostSamples) return 0;
  if (offset + 8 <= parsed.raw.end) std::memcpy(&lost, record + offset, 8);
  return lost;
}

}  // namespace

Merge::Result Merge::drain(uint64_t horizon) {
  copied_ = copied_bytes_ = 0;
  use_table();
  heap_.clear();
  fullness_ = 0;
  for (MergeRing* ring : rings_) {
    ring->id = 0;
    ring->untimely = false;
    ring->ring.refresh();
    fullness_ = std::max(fullness_, ring->ring.fullness());
    if (!look(*ring)) continue;
    if (ring->time > horizon) check_time(*ring, horizon);
    heap_.push_back(ring);
  }
  const auto later = [](const MergeRing* a, const MergeRing* b) { return a->time > b->time; };
  std::make_heap(heap_.begin(), heap_.end(), later);

  Result result = Result::kDone;
  while (!heap_.empty()) {
    MergeRing& first = *heap_[0];
    if (first.time > horizon) {
      result = Result::kHeld;
      break;
    }
    // The ring with the oldest record goes on until another ring's turn comes.
    uint64_t limit = horizon;
    if (heap_.size() > 1) limit = std::min(limit, heap_[1]->time);
    if (heap_.size() > 2) limit = std::min(limit, heap_[2]->time);
    bool left = true;
    bool full = false;
    do {
      if (!copy(first)) {
        full = true;
        break;
      }
      first.ring.advance(first.size);
      left = look(first);
    } while (left && first.time <= limit);
    if (full) {
      bump(stats.stalls);
      result = Result::kFull;
      break;
    }
    if (!left) {
      heap_[0] = heap_.back();
      heap_.pop_back();
    } else if (first.time > horizon) {
      check_time(first, horizon);
    }
    sift_down(0);
  }
  for (MergeRing* ring : rings_) {
    ring->ring.publish();
    if (ring->ring.skipped != 0) {
      bump(stats.corrupt, ring->ring.skipped);
      ring->ring.skipped = 0;
    }
    ring->record = nullptr;
  }
  bump(stats.records, copied_);
  bump(stats.bytes, copied_bytes_);
  spans_.publish();
  released_ = std::max(released_, result == Result::kFull ? last_time_ : horizon);
  tables_.clear();
  return result;
}

// Takes the newest table; those used before stay until the drain ends, because records looked at point into them.
void Merge::use_table() {
  std::shared_ptr<const IdTable> newest = table_source_();
  if (tables_.empty() || tables_.back() != newest) tables_.push_back(std::move(newest));
}

// Finds the front record's event and time.
bool Merge::look(MergeRing& ring) {
  ring.record = ring.ring.next(ring.size);
  if (ring.record == nullptr) return false;
  const uint64_t id = record_identifier(ring.record, ring.size);
  if (id != ring.id || id == 0) {
    const EventEntry* entry = tables_.back()->find(id);
    if (entry == nullptr) {
      // The event may have been opened since this drain began.
      use_table();
      entry = tables_.back()->find(id);
    }
    ring.id = entry != nullptr ? id : 0;
    ring.event = entry != nullptr ? entry->index : kNoEvent;
    ring.record_layout = entry != nullptr ? entry->layout.get() : ring.layout.get();
  }
  const SampleLayout& layout = *ring.record_layout;
  ring.plain = layout.is_plain() && load<uint32_t>(ring.record) == PERF_RECORD_SAMPLE && ring.size > plain::kRaw;
  ring.time = ring.plain ? load<uint64_t>(ring.record + plain::kTime) : record_time(ring.record, ring.size, layout);
  return true;
}

// The front record is younger than the horizon. A time far ahead of the clock, too, would hold back all that is behind the
// record until then. It cannot be: the record goes out at once, as corrupt, with the time of what went out before.
void Merge::check_time(MergeRing& ring, uint64_t horizon) {
  if (ring.time - horizon <= kMostAhead) return;
  // The thread may have been kept from running since the horizon was set.
  const uint64_t now = clock_();
  if (ring.time <= now || ring.time - now <= kMostAhead) return;
  ring.time = std::min(last_time_, horizon);
  ring.plain = false;
  ring.untimely = true;
}

// Copies the front record; false when there is no room.
bool Merge::copy(MergeRing& ring) {
  // Only now that the record is older than the horizon: before, the thread that is about to look at it is nearer.
  if (ring.stash) {
    const bool its = ring.record_layout == ring.layout.get();
    ring.stack_rest = its ? ring.stash->rest_at(ring.ring.position(), ring.record, ring.size) : StackStash::Bytes{};
  }
  if (ring.plain) {
    const uint32_t raw_size = load<uint32_t>(ring.record + plain::kRawSize);
    const uint32_t rest = ring.size - plain::kRaw;
    const uint32_t after = ring.record_layout->has_cgroup() ? 8 : 0;
    if (rest >= after && raw_size <= rest - after) return copy_plain(ring, raw_size);
  }
  return copy_parsed(ring);
}

// The same as copy_parsed, for the records that come by the million.
bool Merge::copy_plain(MergeRing& ring, uint32_t raw_size) {
  const uint64_t length = sizeof(RecordHeader) + align8(raw_size);
  uint8_t* to = spans_.reserve(length);
  if (to == nullptr) return false;
  const uint8_t* record = ring.record;
  RecordHeader& header = *new (to) RecordHeader{};
  header.type = PERF_RECORD_SAMPLE;
  header.pid = load<uint32_t>(record + plain::kPid);
  header.tid = load<uint32_t>(record + plain::kTid);
  if (ring.record_layout->has_cgroup()) header.cgroup = load<uint64_t>(record + plain::kRaw + raw_size);
  header.raw_size = raw_size;
  header.misc = load<uint16_t>(record + 4);
  header.id = load<uint64_t>(record + plain::kId);
  stamp(header, ring, length);
  append(to + sizeof header, record + plain::kRaw, raw_size);
  spans_.commit();
  return true;
}

bool Merge::copy_parsed(MergeRing& ring) {
  const ParsedRecord parsed = parse_record(ring.record, ring.size, *ring.record_layout);
  // The tail without the part of the user stack that is not valid, but with what was read in its place.
  const uint64_t stack_size = parsed.stack_size + (parsed.has_stack ? ring.stack_rest.size : 0);
  const uint32_t tail_size =
      !parsed.has_stack ? parsed.tail.size()
                        : parsed.tail.size() - parsed.stack_cut.size() +
                              static_cast<uint32_t>(align8(stack_size) - parsed.stack_size);
  const uint64_t length =
      sizeof(RecordHeader) + align8(parsed.raw.size()) + align8(parsed.head.size()) + align8(tail_size);
  uint8_t* to = spans_.reserve(length);
  if (to == nullptr) return false;

  RecordHeader& header = *new (to) RecordHeader{};
  header.type = parsed.type;
  header.pid = parsed.pid;
  header.tid = parsed.tid;
  header.cgroup = parsed.cgroup;
  header.raw_size = parsed.raw.size();
  header.misc = parsed.misc;
  header.head_size = parsed.head.size();
  header.tail_size = tail_size;
  header.id = parsed.id;
  const bool untimely = std::exchange(ring.untimely, false);
  if (parsed.corrupt || untimely) {
    header.flags |= kFlagCorrupt;
    bump(stats.corrupt);
  }
  if (parsed.has_stack && ring.stack_rest.size != 0) header.flags |= kFlagStackRead;
  stamp(header, ring, length);
  if (const uint64_t lost = lost_in(parsed, ring.record)) bump(stats.lost, lost);

  to = append(to + sizeof header, ring.record + parsed.raw.begin, parsed.raw.size());
  to = append(to, ring.record + parsed.head.begin, parsed.head.size());
  if (!parsed.has_stack) {
    append(to, ring.record + parsed.tail.begin, parsed.tail.size());
  } else {
    // Up to and with the stack's size, which becomes the count of valid bytes; the valid bytes; what follows the stack.
    const uint32_t stack_begin = parsed.stack_cut.begin - static_cast<uint32_t>(parsed.stack_size);
    const uint32_t before = stack_begin - parsed.tail.begin;
    to = append(to, ring.record + parsed.tail.begin, before);
    std::memcpy(to - 8, &stack_size, 8);
    std::memcpy(to, ring.record + stack_begin, parsed.stack_size);
    if (ring.stack_rest.size != 0) std::memcpy(to + parsed.stack_size, ring.stack_rest.data, ring.stack_rest.size);
    std::memset(to + stack_size, 0, align8(stack_size) - stack_size);
    to += align8(stack_size);
    append(to, ring.record + parsed.stack_cut.end, parsed.tail.end - parsed.stack_cut.end);
  }
  spans_.commit();
  return true;
}

// Fills in what is known of every record, and counts it.
inline void Merge::stamp(RecordHeader& header, const MergeRing& ring, uint64_t length) {
  header.length = static_cast<uint32_t>(length);
  header.event = ring.event;
  header.cpu = ring.cpu;
  header.time = ring.time;
  if (ring.time < last_time_) {
    header.flags |= kFlagLate;
    bump(stats.late);
  } else {
    last_time_ = ring.time;
  }
  if (ring.event == kNoEvent && header.type == PERF_RECORD_SAMPLE) bump(stats.unknown);
  ++copied_;
  copied_bytes_ += length;
}

void Merge::sift_down(size_t at) {
  while (true) {
    size_t least = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap_.size(); ++child)
      if (heap_[child]->time < heap_[least]->time) least = child;
    if (least == at) return;
    std::swap(heap_[at], heap_[least]);
    at = least;
  }
}

}  // namespace kernscope
