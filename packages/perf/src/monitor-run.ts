import type { RecordSource } from "@kernscope/perf-native";
import type { MonitorClock } from "./clock.js";
import type { Dispatcher } from "./dispatcher.js";
import { toPerfError } from "./errno.js";
import { PerfError } from "./errors.js";
import type { KernelEvents } from "./kernel-events.js";
import type { LossAccount } from "./loss.js";
import { RunState } from "./run-state.js";

export interface MonitorRunInit {
  source: RecordSource;
  clock: MonitorClock;
  dispatcher: Dispatcher;
  kernel: KernelEvents;
  loss: LossAccount;
}

/** When a monitor hands out records, and whether that keeps the process alive. */
export class MonitorRun {
  readonly #init: MonitorRunInit;
  readonly #state = new RunState();
  readonly #batchListeners = new Set<() => void>();
  readonly #stopListeners = new Set<() => void>();
  #referenced = true;
  #closed = false;

  constructor(init: MonitorRunInit) {
    this.#init = init;
  }

  /** @throws PerfError `closed` */
  assertOpen(operation: string, subject?: string): void {
    if (!this.#closed) return;
    throw new PerfError("closed", { operation, subject, cause: "the monitor was closed" });
  }

  async start(): Promise<void> {
    this.assertOpen("run");
    if (this.#state.running) {
      throw new PerfError("busy", { operation: "run", cause: "the monitor is running", remedy: "stop it first" });
    }
    this.#state.begin();
    const { promise } = this.#state;
    this.#applyReference(this.#referenced);
    this.#init.dispatcher.start();
    await promise;
  }

  async stop(): Promise<void> {
    if (!this.#state.running || this.#closed) return;
    this.#state.stopAt = Math.min(this.#state.stopAt, this.#init.clock.now());
    this.#init.source.requestHorizon();
    await this.#state.promise.catch(() => {});
  }

  /** Ends the run, with what `start` rejects with. */
  end(error?: unknown): void {
    this.#init.dispatcher.halt();
    if (!this.#closed) this.#applyReference(false);
    if (error === undefined) this.#state.end();
    else this.#state.fail(error);
  }

  /** From now on nothing can be asked for. Resolves when no handler runs any more; the run is still to be ended. */
  async close(): Promise<void> {
    const { dispatcher } = this.#init;
    this.#closed = true;
    dispatcher.halt();
    // A handler may have called this: its span is given back when it has returned.
    while (dispatcher.dispatching) await Promise.resolve();
    dispatcher.abandon();
  }

  /** Whether a run keeps the process alive. */
  setReferenced(referenced: boolean): void {
    this.#referenced = referenced;
    if (this.#state.running) this.#applyReference(referenced);
  }

  onBatchEnd(listener: () => void): () => void {
    return addTo(this.#batchListeners, listener);
  }

  onStop(listener: () => void): () => void {
    return addTo(this.#stopListeners, listener);
  }

  batchEnded(): void {
    for (const listener of [...this.#batchListeners]) listener();
    this.#init.loss.recordsFlowed();
  }

  /** All up to the dispatcher's horizon was handed out. */
  horizonMoved(): void {
    const { source, dispatcher, kernel, loss } = this.#init;
    kernel.settle(dispatcher.horizon);
    if (this.#state.stopAt === Infinity) return;
    if (dispatcher.horizon < this.#state.stopAt) {
      source.requestHorizon();
      return;
    }
    dispatcher.flush(() => {
      for (const listener of [...this.#stopListeners]) listener();
    });
    // What was handed out last may have ended the run, or closed the monitor.
    if (!this.#state.running || this.#closed) return;
    dispatcher.halt();
    loss.check().then(
      () => this.end(),
      (error) => this.end(toPerfError(error, "loss")),
    );
  }

  #applyReference(referenced: boolean): void {
    const { source, dispatcher } = this.#init;
    if (referenced) source.ref();
    else source.unref();
    dispatcher.setReferenced(referenced);
  }
}

/** Each addition is one of its own, whatever was added before. */
function addTo(listeners: Set<() => void>, listener: () => void): () => void {
  const entry = () => listener();
  listeners.add(entry);
  return () => listeners.delete(entry);
}
