// Which event a kernel id belongs to: an open-addressing table that is built under a lock and read without one.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "sample_layout.h"

namespace kernscope {

struct EventEntry {
  uint32_t index;
  std::shared_ptr<const SampleLayout> layout;
};

class IdTable {
 public:
  IdTable() : slots_(16) {}

  void insert(uint64_t id, EventEntry entry) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    Slot& slot = slot_for(id);
    if (slot.id == 0) ++count_;
    slot = {id, std::move(entry)};
  }

  // Leaves out every id of the events.
  IdTable without(const std::set<uint32_t>& indices) const {
    IdTable rest;
    for (const Slot& slot : slots_)
      if (slot.id != 0 && !indices.contains(slot.entry.index)) rest.insert(slot.id, slot.entry);
    return rest;
  }

  const EventEntry* find(uint64_t id) const {
    if (id == 0) return nullptr;
    const Slot& slot = const_cast<IdTable*>(this)->slot_for(id);
    return slot.id == id ? &slot.entry : nullptr;
  }

 private:
  // The kernel's ids start at 1, so 0 marks a free slot.
  struct Slot {
    uint64_t id = 0;
    EventEntry entry{};
  };

  Slot& slot_for(uint64_t id) {
    size_t at = (id * 0x9e3779b97f4a7c15ull) >> 32;
    while (true) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.id == id || slot.id == 0) return slot;
      ++at;
    }
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (Slot& slot : old)
      if (slot.id != 0) slot_for(slot.id) = std::move(slot);
  }

  std::vector<Slot> slots_;
  size_t count_ = 0;
};

}  // namespace kernscope
