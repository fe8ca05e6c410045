/** The bit-fields of `union perf_mem_data_src` (include/uapi/linux/perf_event.h): masks of `PERF_MEM_*`. */
export interface DataSource {
  /** Load, store, prefetch, execute. */
  operation: number;
  /** Level of the memory hierarchy, hit or miss; newer kernels say it in `levelNumber`. */
  level: number;
  snoop: number;
  lock: number;
  /** What the TLB did. */
  tlb: number;
  levelNumber: number;
  remote: number;
  snoopExtended: number;
  /** Why the access waited. */
  blocked: number;
  hops: number;
}

/** Takes a sample's `dataSource` apart. */
export function decodeDataSource(word: bigint): DataSource {
  let rest = word;
  const take = (bits: number): number => {
    const field = Number(rest & ((1n << BigInt(bits)) - 1n));
    rest >>= BigInt(bits);
    return field;
  };
  return {
    operation: take(5),
    level: take(14),
    snoop: take(5),
    lock: take(2),
    tlb: take(7),
    levelNumber: take(4),
    remote: take(1),
    snoopExtended: take(2),
    blocked: take(3),
    hops: take(3),
  };
}
