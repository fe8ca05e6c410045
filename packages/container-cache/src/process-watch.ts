import type { EventGroup, EventMonitor, SampleId } from "@kernscope/perf";
import type { RunEnd } from "./container-lifecycle.js";
import { optional } from "./container-probes.js";
import { endRegisters, ProcessEnds, SIGKILL } from "./init-end.js";
import type { ProcessTeller, ToldExec, ToldExit } from "./options.js";

/** What is done with what is told of processes. */
export interface ProcessHandlers {
  /** A process executes a file. The sample is valid during the call only. */
  executed(sample: SampleId, filename: string): void;
  /** The last thread of a process left. The sample may be kept. */
  ended(sample: SampleId, end: RunEnd): void;
}

/** Signals whose default action is to end the process: all but CHLD, CONT, the stop signals, URG and WINCH (signal(7)). */
const ENDING = "(sig < 17 || sig > 23) && sig != 28 && (result == 0 || result == 4)";

/** Beginnings and ends of all processes: from the kernel, or from whoever asks it for the same already. */
export class ProcessWatch {
  readonly #monitor: EventMonitor;
  readonly #handlers: ProcessHandlers;
  readonly #ends = new ProcessEnds();
  readonly #group: EventGroup;
  readonly #removals: (() => void)[] = [];
  #starting: Promise<void> | undefined;

  /** Registers what is needed, and leaves it off: before there is a container runtime nobody pays for that. */
  static async open(
    monitor: EventMonitor,
    handlers: ProcessHandlers,
    teller: ProcessTeller | undefined,
  ): Promise<ProcessWatch> {
    const watch = new ProcessWatch(monitor, handlers);
    try {
      // What comes last in a process's life is enabled first.
      if (teller === undefined) await watch.#registerEnds();
      await watch.#registerVictims();
      if (teller === undefined) await watch.#registerExec();
      else watch.#listen(teller);
      return watch;
    } catch (error) {
      await watch.close();
      throw error;
    }
  }

  private constructor(monitor: EventMonitor, handlers: ProcessHandlers) {
    this.#monitor = monitor;
    this.#handlers = handlers;
    this.#group = monitor.createGroup();
  }

  start(): Promise<void> {
    this.#starting ??= this.#monitor.enable(this.#group);
    return this.#starting;
  }

  async close(): Promise<void> {
    for (const remove of this.#removals) remove();
    // Who started it was told where that failed; what was registered goes back all the same.
    await this.#starting?.catch(() => {});
    await this.#monitor.unregister(this.#group);
  }

  /** At once, so that whoever listens after the cache was opened finds what it made of it. */
  #listen({ execEventId, exitEventId }: ProcessTeller): void {
    this.#removals.push(
      this.#monitor.addHandler<ToldExec>(execEventId, (sample, { filename }) => {
        if (this.#starting !== undefined) this.#handlers.executed(sample, filename);
      }),
    );
    this.#removals.push(
      this.#monitor.addHandler<ToldExit>(exitEventId, (sample, { code, signal }) => {
        if (this.#starting === undefined) return;
        const oomKilled = this.#ends.wasVictim(sample.pid, sample.elapsed);
        const isKilled = oomKilled && code === undefined;
        this.#handlers.ended(sample, { status: code, signal: isKilled ? (signal ?? SIGKILL) : signal, oomKilled });
      }),
    );
  }

  async #registerEnds(): Promise<void> {
    const monitor = this.#monitor;
    const ends = this.#ends;
    const options = { group: this.#group, enabled: false };
    let tellsGroup = false;
    const exit = await monitor.registerTracepoint<{ group_dead?: number | boolean }>(
      "sched/sched_process_exit",
      (record, data) => {
        if (tellsGroup ? data.group_dead : record.pid === record.tid) {
          this.#handlers.ended(record.sampleId(), ends.processLeft(record));
        } else {
          ends.threadLeft(record);
        }
      },
      { ...options, sample: { cgroup: true, userRegisters: endRegisters() } },
    );
    tellsGroup = monitor.fields(exit).some(({ name }) => name === "group_dead");
    // The registers are there since 6.16, as is the word on the group. Without them the call is the only witness.
    if (!tellsGroup) {
      await optional(
        monitor.registerTracepoint<{ error_code: number }>(
          "syscalls/sys_enter_exit_group",
          (record, data) => ends.exitCalled(record.pid, Number(data.error_code), record.elapsed),
          options,
        ),
      );
    }
    await optional(
      monitor.registerTracepoint<{ pid: number; sig: number }>(
        "signal/signal_generate",
        (record, { pid, sig }) => ends.signalSent(pid, sig, record.elapsed),
        { ...options, filter: ENDING },
      ),
    );
  }

  #registerVictims(): Promise<void> {
    return optional(
      this.#monitor.registerTracepoint<{ pid: number }>(
        "oom/mark_victim",
        (record, { pid }) => this.#ends.chosenVictim(pid, record.elapsed),
        { group: this.#group, enabled: false },
      ),
    );
  }

  async #registerExec(): Promise<void> {
    await this.#monitor.registerTracepoint<ToldExec>(
      "sched/sched_process_exec",
      (record, { filename }) => this.#handlers.executed(record, filename),
      { group: this.#group, enabled: false, sample: { cgroup: true } },
    );
  }
}
