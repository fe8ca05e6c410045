#include "check.h"
#include "fake_ring.h"

namespace kernscope::test {

// A record of each length is read whole wherever in the ring it begins.
void wraps_at_every_offset() {
  for (uint64_t size : {64u, 128u, 256u}) {
    for (uint64_t start = 0; start < 2 * size; start += 8) {
      for (uint32_t length = 16; length <= size; length += 8) {
        FakeRing kernel(size, start);
        KernelRing ring = kernel.reader();
        std::vector<uint8_t> record(length);
        for (uint32_t i = 0; i < length; ++i) record[i] = static_cast<uint8_t>(i * 7 + start);
        const uint16_t length16 = static_cast<uint16_t>(length);
        std::memcpy(&record[6], &length16, 2);
        uint32_t got = 0;
        ring.refresh();
        CHECK(ring.next(got) == nullptr);
        kernel.write(record);
        CHECK(ring.next(got) == nullptr);
        ring.refresh();
        const uint8_t* read = ring.next(got);
        CHECK(read != nullptr && got == length);
        CHECK(std::memcmp(read, record.data(), length) == 0);
        ring.advance(got);
        ring.publish();
        CHECK(kernel.tail == kernel.head);
        CHECK(ring.next(got) == nullptr && ring.skipped == 0);
      }
    }
  }
}

// A length that cannot be true skips to the head, is counted, and what comes later is read.
void survives_bad_lengths() {
  for (uint16_t bad : {0, 1, 8, 12, 15, 17, 1000, 65535}) {
    FakeRing kernel(128, 24);
    KernelRing ring = kernel.reader();
    std::vector<uint8_t> record(32, 0x11);
    std::memcpy(&record[6], &bad, 2);
    kernel.write(record);
    ring.refresh();
    uint32_t got = 0;
    CHECK(ring.next(got) == nullptr);
    CHECK(ring.skipped == 1 && kernel.tail == kernel.head);
    kernel.write(sample(1, 5));
    ring.refresh();
    CHECK(ring.next(got) != nullptr && got == sample(1, 5).size());
  }
}

// A head that says more than the ring can hold is not believed.
void survives_bad_heads() {
  FakeRing kernel(64);
  KernelRing ring = kernel.reader();
  kernel.head = 1000;
  ring.refresh();
  uint32_t got = 0;
  CHECK(ring.next(got) == nullptr && ring.skipped == 1);
}

void kernel_ring_tests() {
  wraps_at_every_offset();
  survives_bad_lengths();
  survives_bad_heads();
}

}  // namespace kernscope::test
