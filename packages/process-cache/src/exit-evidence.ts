import { exited, SIGKILL, signaled, ThreadEnd, unknownStatus } from "./exit-status.js";
import type { ExitStatus } from "./process-events.js";

/** How long before the first of its threads was killed the caller of exit_group(2) can have shown its end, in ns. */
const EXIT_GROUP_SPAN = 1_000_000_000;

/**
 * Collects what is seen of the ways in which the threads of one process end, and says what wait(2) will say.
 *
 * - A signal whose default action takes effect is seen at `signal/signal_deliver`. Those without a core dump reach every
 *   thread as SIGKILL (complete_signal() in kernel/signal.c): then the last `signal/signal_generate` names it.
 * - exit_group(2) shows as one thread that left by itself while all others were killed.
 * - Where each thread left by itself, the last one's code counts (synchronize_group_exit(), Linux 6.0; the leader's before).
 */
export class ExitEvidence {
  readonly #leaderCounts: boolean;
  #generated = 0;
  #generatedTime = Number.NEGATIVE_INFINITY;
  #delivered = 0;
  #code: number | undefined;
  #codeTime = Number.NEGATIVE_INFINITY;
  #leaderCode: number | undefined;
  #firstKill = Number.POSITIVE_INFINITY;

  /** `leaderCounts`: the kernel is older than 6.0. */
  constructor(leaderCounts = false) {
    this.#leaderCounts = leaderCounts;
  }

  /** A signal that ends a process by default was sent to it. Times in ns. */
  generated(signal: number, time: number): void {
    // What is sent while the process is ending was not the reason.
    if (time > this.#firstKill) return;
    this.#generated = signal;
    this.#generatedTime = time;
  }

  /** A signal took its default action of ending the process. */
  delivered(signal: number): void {
    if (this.#delivered === 0 || this.#delivered === SIGKILL) this.#delivered = signal;
  }

  /** A thread ended; `end` as {@link ThreadEnd} or a code. */
  threadEnded(end: number, time: number, isLeader: boolean): void {
    // Where there are no registers (before 6.16 the memory is gone by then), that a signal was taken tells as much.
    const isKilled = end === ThreadEnd.KILLED || (end === ThreadEnd.UNKNOWN && this.#delivered !== 0);
    if (isKilled) {
      this.#firstKill = Math.min(this.#firstKill, time);
    } else if (end >= 0) {
      this.#code = end;
      this.#codeTime = time;
      if (isLeader) this.#leaderCode = end;
    }
  }

  resolve(): ExitStatus {
    if (this.#delivered !== 0 && this.#delivered !== SIGKILL) return signaled(this.#delivered);
    if (this.#firstKill < Number.POSITIVE_INFINITY) return this.#resolveKilled();
    if (this.#code === undefined) return unknownStatus;
    if (this.#leaderCounts && this.#leaderCode !== this.#code) return exited(this.#leaderCode ?? this.#code, false);
    return exited(this.#code);
  }

  #resolveKilled(): ExitStatus {
    if (this.#code !== undefined && this.#codeTime >= this.#generatedTime) {
      return exited(this.#code, this.#codeTime >= this.#firstKill - EXIT_GROUP_SPAN);
    }
    // SIGKILL as delivered names nothing: without the signal that was sent it may stand for any.
    return this.#generated === 0 ? unknownStatus : signaled(this.#generated);
  }
}
