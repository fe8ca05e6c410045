import { ThreadEnd } from "./exit-status.js";

/** Calls that are remembered at most: one for each thread that is about to end, unless its end was lost. */
const LIMIT = 4096;

/**
 * What threads gave to exit(2) and exit_group(2), for kernels whose `sched/sched_process_exit` has no user registers: before
 * 6.16 it comes when the thread has given up its memory, and later stable releases of 6.12 sample no registers then.
 */
export class ExitCalls {
  readonly #codes = new Map<number, number>();

  /** A thread called exit(2) or exit_group(2). */
  called(tid: number, code: number): void {
    this.#codes.delete(tid);
    const [oldest] = this.#codes.keys();
    if (oldest !== undefined && this.#codes.size >= LIMIT) this.#codes.delete(oldest);
    this.#codes.set(tid, code & 0xff);
  }

  /** How a thread that ends now left: its code, or by a signal, since it called neither (32-bit calls are not seen). */
  take(tid: number): number {
    const code = this.#codes.get(tid) ?? ThreadEnd.KILLED;
    this.#codes.delete(tid);
    return code;
  }
}
