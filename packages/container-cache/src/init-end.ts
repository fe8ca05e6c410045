import { type SampleRecord, UserRegister } from "@kernscope/perf";
import type { RunEnd } from "./container-lifecycle.js";

/** How long before the end of a process (ns) a signal or the exit of another thread can have been its reason. */
const REASON_TIME = 1e9;
export const SIGKILL = 9;
/** Processes of which something is remembered, at most. */
const LIMIT = 4096;

interface Reason {
  readonly at: number;
  readonly value: number;
}

/**
 * Finds out how processes end, from the records of their threads' exits and the signals sent to them. A thread that left
 * by exit(2) or exit_group(2) has the call's number and argument in its registers.
 */
export class ProcessEnds {
  readonly #codes = new Map<number, Reason>();
  readonly #signals = new Map<number, Reason>();
  readonly #victims = new Map<number, Reason>();

  /** A signal that would end the process was sent to it. */
  signalSent(pid: number, signal: number, at: number): void {
    remember(this.#signals, pid, { at, value: signal });
  }

  /** The kernel chose the process to be ended for want of memory. */
  chosenVictim(pid: number, at: number): void {
    remember(this.#victims, pid, { at, value: SIGKILL });
  }

  /** A process calls exit_group(2): for kernels that show no registers when its threads leave. */
  exitCalled(pid: number, status: number, at: number): void {
    remember(this.#codes, pid, { at, value: status & 0xff });
  }

  /** A thread left, and others of the process are still there. */
  threadLeft(record: SampleRecord): void {
    const code = exitArgument(record);
    if (code !== undefined && code >= 0) remember(this.#codes, record.pid, { at: record.elapsed, value: code });
  }

  /** Whether a process that left now was chosen as a victim; asked once of each. */
  wasVictim(pid: number, now: number): boolean {
    // As a rule there is none.
    if (this.#victims.size === 0) return false;
    const chosen = recent(this.#victims, pid, now) !== undefined;
    this.#victims.delete(pid);
    return chosen;
  }

  /** The last thread of a process left. */
  processLeft(record: SampleRecord): RunEnd {
    const { pid, elapsed } = record;
    const own = exitArgument(record);
    const code = recent(this.#codes, pid, elapsed);
    const signal = recent(this.#signals, pid, elapsed);
    const oomKilled = this.wasVictim(pid, elapsed);
    for (const reasons of [this.#codes, this.#signals]) reasons.delete(pid);
    if (own === undefined) {
      if (oomKilled) return { status: undefined, signal: SIGKILL, oomKilled };
      return code === undefined ? { status: undefined, signal, oomKilled } : { status: code, signal: 0, oomKilled };
    }
    if (own >= 0) return { status: own, signal: 0, oomKilled };
    // The threads that exit_group(2) ends look killed, as do those of a process that was.
    if (signal === undefined && !oomKilled && code !== undefined) return { status: code, signal: 0, oomKilled };
    return { status: undefined, signal: oomKilled ? SIGKILL : (signal ?? SIGKILL), oomKilled };
  }
}

/** Bits of the user registers that {@link ProcessEnds} wants in a sample of `sched/sched_process_exit`. */
export function endRegisters(): bigint {
  return registersOf().reduce((mask, register) => mask | (1n << BigInt(register)), 0n);
}

/** Number of the call and its argument, for 64-bit and for 32-bit tasks. */
function registersOf(): readonly number[] {
  const { x64, arm64 } = UserRegister;
  if (process.arch === "x64") return [x64.AX, x64.DI, x64.BX];
  return process.arch === "arm64" ? [arm64.X8, arm64.X0, arm64.X7] : [];
}

/** What the thread gave to exit(2); −1: it did not call that; `undefined`: not known. */
function exitArgument(record: SampleRecord): number | undefined {
  const [call, argument, compat] = registersOf();
  if (call === undefined || argument === undefined || compat === undefined) return undefined;
  const is32 = record.userRegistersAbi === 1;
  if (process.arch === "x64") {
    // −ENOSYS is what the entry code leaves for a call that never returns.
    const result = record.userRegister(call);
    const value = record.userRegister(is32 ? compat : argument);
    if (result === undefined || value === undefined) return undefined;
    return BigInt.asIntN(is32 ? 32 : 64, result) === -38n ? Number(value & 0xffn) : -1;
  }
  const number = record.userRegister(is32 ? compat : call);
  const value = record.userRegister(argument);
  if (number === undefined || value === undefined) return undefined;
  const exits = is32 ? [1n, 248n] : [93n, 94n];
  return exits.includes(number) ? Number(value & 0xffn) : -1;
}

function remember(reasons: Map<number, Reason>, pid: number, reason: Reason): void {
  reasons.delete(pid);
  reasons.set(pid, reason);
  if (reasons.size > LIMIT) reasons.delete(reasons.keys().next().value as number);
}

function recent(reasons: Map<number, Reason>, pid: number, now: number): number | undefined {
  const reason = reasons.get(pid);
  return reason !== undefined && now - reason.at < REASON_TIME ? reason.value : undefined;
}
