import { ThreadMap } from "./thread-map.js";

/** A call of a function that has not returned yet. */
interface Call<T> {
  readonly function: string;
  /** Where the thread's stack was: further down the deeper the call. */
  readonly stackPointer: number | bigint | undefined;
  readonly value: T;
  /** It was made by a call of the same function. */
  readonly nested: boolean;
}

/** Calls of a thread that are kept: file systems lie on others a few deep at the most. */
const DEPTH = 8;

/**
 * Calls of the kernel's functions between their entry and their return. A file system that lies on another one, such as
 * overlayfs, does there what was done to it with the same functions: these nested calls are no doings of the program.
 */
export class CallsUnderWay<T> {
  readonly #calls = new ThreadMap<Call<T>[]>();

  enter(tid: number, name: string, value: T, stackPointer: number | bigint | undefined): void {
    // A call whose return was missed is over when the stack is back where it was.
    const open = (this.#calls.get(tid) ?? []).filter(({ stackPointer: outer }) => isBelow(stackPointer, outer));
    const nested = open.some((call) => call.function === name);
    this.#calls.set(tid, [...open.slice(1 - DEPTH), { function: name, stackPointer, value, nested }]);
  }

  /** What the call that returns was entered with; `undefined` where that was not seen, or the call is a nested one. */
  return(tid: number, name: string): T | undefined {
    const open = this.#calls.take(tid);
    const at = open?.findLastIndex((call) => call.function === name) ?? -1;
    if (open === undefined || at < 0) return undefined;
    if (at > 0) this.#calls.set(tid, open.slice(0, at));
    const { nested, value } = open[at]!;
    return nested ? undefined : value;
  }
}

function isBelow(inner: number | bigint | undefined, outer: number | bigint | undefined): boolean {
  return inner === undefined || outer === undefined || inner < outer;
}
