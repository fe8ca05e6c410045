// Merges the rings of all CPUs into one stream in time order, up to a horizon, and copies it into the span memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "id_table.h"
#include "kernel_ring.h"
#include "record_layout.h"
#include "span_ring.h"
#include "stack_stash.h"

namespace kernscope {

// Written by the merging thread, read by any.
struct MergeStats {
  std::atomic<uint64_t> records{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> late{0};
  std::atomic<uint64_t> corrupt{0};
  std::atomic<uint64_t> unknown{0};
  std::atomic<uint64_t> lost{0};
  std::atomic<uint64_t> stalls{0};
};

// A ring in the merge. `layout` is that of the ring's owner, for records whose event is not known.
struct MergeRing {
  KernelRing ring;
  uint32_t cpu;
  std::shared_ptr<const SampleLayout> layout;
  // Where the user stacks of records with that layout are completed.
  std::shared_ptr<StackStash> stash{};

  // The record at the front, once looked at.
  const uint8_t* record = nullptr;
  uint32_t size = 0;
  uint64_t time = 0;
  uint32_t event = 0;
  StackStash::Bytes stack_rest{};
  bool untimely = false;  // its own time cannot be
  const SampleLayout* record_layout = nullptr;
  bool plain = false;  // SampleLayout::is_plain, and long enough for it
  uint64_t id = 0;     // whose event and layout these are; 0 when they are to be looked up
};

class Merge {
 public:
  enum class Result {
    kDone,   // all up to the horizon is copied, nothing is left
    kHeld,   // what is left is younger than the horizon
    kFull,   // the span memory is full; what is left stays in the kernel's rings
  };

  // A record may be so far ahead of the clock, in nanoseconds: what processors read at the same moment differs by less.
  static constexpr uint64_t kMostAhead = 1'000'000'000;

  // `table` returns the newest table of ids; it is asked again when an id is not found. `clock` reads the records' clock.
  Merge(SpanRing& spans, std::function<std::shared_ptr<const IdTable>()> table, std::function<uint64_t()> clock)
      : spans_(spans), table_source_(std::move(table)), clock_(std::move(clock)) {}

  void add(MergeRing* ring) { rings_.push_back(ring); }
  void remove(MergeRing* ring) { std::erase(rings_, ring); }
  void clear() { rings_.clear(); }

  // Copies every record with a time up to `horizon` that the kernel had written when this was called. The caller reads the
  // clock first: a record written before that moment is either seen here or younger than the horizon.
  Result drain(uint64_t horizon);

  // No record to come, but late ones, is older than this.
  uint64_t released() const { return released_; }
  // Records copied by the last drain.
  uint64_t copied() const { return copied_; }

  // How full the fullest ring was when the last drain began: 0 … 1.
  double fullness() const { return fullness_; }

  MergeStats stats;

 private:
  void use_table();
  bool look(MergeRing& ring);
  void check_time(MergeRing& ring, uint64_t horizon);
  bool copy(MergeRing& ring);
  bool copy_plain(MergeRing& ring, uint32_t raw_size);
  bool copy_parsed(MergeRing& ring);
  void stamp(RecordHeader& header, const MergeRing& ring, uint64_t length);
  void sift_down(size_t at);

  SpanRing& spans_;
  std::function<std::shared_ptr<const IdTable>()> table_source_;
  std::function<uint64_t()> clock_;
  std::vector<std::shared_ptr<const IdTable>> tables_;
  std::vector<MergeRing*> rings_;
  std::vector<MergeRing*> heap_;
  uint64_t last_time_ = 0;
  uint64_t released_ = 0;
  uint64_t copied_ = 0;
  uint64_t copied_bytes_ = 0;
  double fullness_ = 0;
};

}  // namespace kernscope
