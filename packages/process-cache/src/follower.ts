import type { EventGroup } from "@kernscope/perf";
import { type ChangeProbesInit, registerCalls } from "./change-probes.js";
import { ProcessCacheError } from "./errors.js";
import type { TaskFinder } from "./task-finder.js";
import type { TaskRefresh } from "./task-refresh.js";

/** What of a task is not followed everywhere for nothing. */
export type FollowedField = "creds" | "cwd";

export interface FollowOptions {
  /**
   * Also see the calls of 32-bit programs where there are no kprobes: about 0.2 µs for each system call of the host.
   * Default false.
   */
  compat?: boolean;
}

/** Somebody's wish that a value is followed; it is until all have been given back. */
export interface Following extends AsyncDisposable {
  readonly field: FollowedField;
  /** `kprobe`: exact, at the moment of the change. `calls`: /proc is asked after each system call that changed it. */
  readonly source: "kprobe" | "calls";
  /** Gives the wish back; more than once does nothing. */
  release(): Promise<void>;
}

interface Calls {
  readonly group: EventGroup;
  users: number;
}

export interface FollowerInit extends ChangeProbesInit {
  readonly finder: TaskFinder;
  readonly refresh: TaskRefresh;
}

/** Follows what is only second-best, and costs others something, while somebody wants it. */
export class Follower {
  /** What kernel probes tell in any case. */
  readonly probed = { creds: false, cwd: false };
  readonly #init: FollowerInit;
  readonly #calls = new Map<string, Calls>();
  /** One after the other: two that begin or end at once must not both register, or find it gone. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(init: FollowerInit) {
    this.#init = init;
  }

  /** @throws ProcessCacheError `unsupported` where the kernel offers neither kprobes nor events of system calls */
  async follow(field: FollowedField, { compat = false }: FollowOptions): Promise<Following> {
    if (this.probed[field]) return lease(field, "kprobe", async () => {});
    await this.#inTurn(() => this.#begin(field, compat));
    return lease(field, "calls", () => this.#inTurn(() => this.#end(field, compat)));
  }

  /** Whether a value is followed now, and by what. */
  sourceOf(field: FollowedField): Following["source"] | undefined {
    if (this.probed[field]) return "kprobe";
    return this.#isCalled(field) ? "calls" : undefined;
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => {
      const { monitor } = this.#init;
      for (const { group } of this.#calls.values()) await monitor.unregister(group);
      this.#calls.clear();
    });
  }

  async #begin(field: FollowedField, compat: boolean): Promise<void> {
    const key = keyOf(field, compat);
    const known = this.#calls.get(key);
    if (known !== undefined) {
      known.users++;
      return;
    }
    const { monitor, finder, refresh } = this.#init;
    const group = monitor.createGroup();
    try {
      if (!(await registerCalls(this.#init, field, compat, group))) {
        throw new ProcessCacheError(
          "unsupported",
          `follow(${field}): no events of system calls – needs a kernel with CONFIG_FTRACE_SYSCALLS or CONFIG_KPROBE_EVENTS`,
        );
      }
      await monitor.enable(group);
    } catch (error) {
      await monitor.unregister(group);
      throw error;
    }
    this.#calls.set(key, { group, users: 1 });
    finder.follows[field] = true;
    await refresh.read(field);
  }

  async #end(field: FollowedField, compat: boolean): Promise<void> {
    const key = keyOf(field, compat);
    const calls = this.#calls.get(key);
    if (calls === undefined || --calls.users > 0) return;
    this.#calls.delete(key);
    const { monitor, finder, refresh } = this.#init;
    await monitor.unregister(calls.group);
    if (this.#isCalled(field)) return;
    finder.follows[field] = false;
    refresh.outdate(field);
  }

  #isCalled(field: FollowedField): boolean {
    return this.#calls.has(keyOf(field, false)) || this.#calls.has(keyOf(field, true));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function keyOf(field: FollowedField, compat: boolean): string {
  return compat ? `${field} compat` : field;
}

function lease(field: FollowedField, source: Following["source"], end: () => Promise<void>): Following {
  let ended: Promise<void> | undefined;
  const release = () => {
    ended ??= end();
    return ended;
  };
  return { field, source, release, [Symbol.asyncDispose]: release };
}
