/**
 * How a record lies in the span that a {@link RecordSource} hands out; native/record_layout.h says the same to the C++.
 *
 * A record starts at a multiple of 8 with this header of 64 bytes, little-endian, then come
 *
 * 1. the raw data of a sample, or the body of any other record (perf_event_open(2), without the trailing `sample_id`),
 *    `RAW_SIZE` bytes, padded to 8;
 * 2. the sample's fields before the raw data, as the kernel wrote them, `HEAD_SIZE` bytes;
 * 3. the sample's fields after it, `TAIL_SIZE` bytes; here a user stack is cut to the bytes that are valid:
 *    `u64 size`, then, where size > 0, `size` bytes padded to 8.
 *
 * The head begins behind IDENTIFIER, which every sample has; TID, TIME and CPU, which the source adds, lie in it where they
 * fall. `HEAD_SIZE` and `TAIL_SIZE` are 0 where the event samples only what the header holds (TIME, TID, CPU, IDENTIFIER,
 * CGROUP, RAW).
 */
export const RecordOffset = {
  /** u32: bytes of the whole record, a multiple of 8. */
  LENGTH: 0,
  /** u16: `RecordType`; 0 is padding up to the end of the memory. */
  TYPE: 4,
  /** u16: bits of {@link RecordFlag}. */
  FLAGS: 6,
  /** u32: index of the event, or {@link NO_EVENT}. */
  EVENT: 8,
  /** u32: the CPU that wrote the record. */
  CPU: 12,
  /** u64: nanoseconds of the source's clock. */
  TIME: 16,
  /** u32: the process (thread group) id in the reader's pid namespace. */
  PID: 24,
  /** u32: the thread id. */
  TID: 28,
  /** u64: id of the perf_event cgroup; 0 where it was not sampled. */
  CGROUP: 32,
  /** u32 */
  RAW_SIZE: 40,
  /** u32: `perf_event_header.misc`. */
  MISC: 44,
  /** u32 */
  HEAD_SIZE: 48,
  /** u32 */
  TAIL_SIZE: 52,
  /** u64: the kernel's id of the event on that CPU. */
  ID: 56,
} as const;

export const RECORD_HEADER_SIZE = 64;

/** Event index of records that belong to no event that is open. */
export const NO_EVENT = 0xffff_ffff;

export const RecordFlag = {
  /** Its time is before that of a record already handed out. */
  LATE: 1,
  /**
   * The kernel's record was shorter than its event's sample type says, or its time, which is that of the record before it
   * now, was seconds ahead of the clock: only the header is to be trusted.
   */
  CORRUPT: 2,
  /** The end of the user stack was read from the process, right after the sample was taken. */
  STACK_READ: 4,
} as const;
