import { PerfNativeError } from "./errors.js";
import type { RecordSource } from "./record-source.js";

export interface ReaderOptions {
  /** CPUs to open rings on; left out: all that are online. */
  cpus?: readonly number[];
  /** Bytes of each CPU's ring: a page count that is a power of two. Default 2 MiB. */
  ringSize?: number;
  /** Bytes of the memory between the native thread and JavaScript. Default 16 MiB. */
  spanSize?: number;
  /** Bytes in a ring that wake the native thread. Default 64 KiB, at most a quarter of the ring. */
  watermark?: number;
  /** Milliseconds after which the native thread looks at the rings unasked: bounds the latency of sparse events. Default 5. */
  tick?: number;
  /** Microseconds that a record is held back so that slower CPUs' records can come before it. Default 100. */
  slack?: number;
  /** Clock of the records (`Clock`). Default MONOTONIC, which is `process.hrtime`'s. */
  clockId?: number;
}

/** Opens the kernel as a record source. */
export async function openReader(_options: ReaderOptions = {}): Promise<RecordSource> {
  throw new PerfNativeError("unsupported", "open");
}
