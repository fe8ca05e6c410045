import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { EventMonitor, type EventMonitorOptions, type ExternalSample, type SampleId } from "@kernscope/perf";
import type { ProcessCacheOptions } from "./cache-parts.js";
import { ProcessInfoCache } from "./process-cache.js";
import type { ProcessExecEvent, ProcessExitEvent, ProcessForkEvent, ProcessUpdateEvent } from "./process-events.js";
import type { Origin, Task } from "./task.js";

export interface SeenExec extends ProcessExecEvent {
  readonly origin: Origin;
  readonly uid: number | undefined;
  readonly euid: number | undefined;
  readonly credsOrigin: Origin;
  readonly parentPid: number;
  readonly cgroupPath: string | undefined;
}

export interface Seen<T> {
  readonly at: number;
  readonly sample: SampleId;
  readonly event: T;
}

/** How much of a load is run: where the CPU is emulated (`KERNSCOPE_VM`), a tenth shows the same. */
export function scaled(count: number): number {
  return process.env.KERNSCOPE_VM ? Math.ceil(count / 10) : count;
}

/** A program that runs, with its output to be read. Disposing of it kills it. */
export interface StartedProgram extends ChildProcess, Disposable {
  readonly pid: number;
  readonly stdout: Readable;
}

export function startProgram(program: string, args: readonly string[], input: "ignore" | "pipe" = "ignore") {
  const child = spawn(program, args, { stdio: [input, "pipe", "inherit"] });
  const dispose = () => {
    child.kill("SIGKILL");
    for (const stream of child.stdio) stream?.destroy();
  };
  return Object.assign(child, { [Symbol.dispose]: dispose }) as StartedProgram;
}

/** Gives the body a cache whose scan is over, and whose records are handed out. */
export function withBed(body: (bed: KernelBed) => Promise<void>, options?: ProcessCacheOptions): () => Promise<void> {
  return async () => {
    await using bed = await KernelBed.open(options);
    bed.go();
    await bed.cache.ready;
    await body(bed);
  };
}

/** A cache on the running kernel, what it told, and the programs that were started for it, which end with it. */
export class KernelBed implements AsyncDisposable {
  readonly forks: Seen<ProcessForkEvent>[] = [];
  readonly execs: Seen<SeenExec>[] = [];
  readonly exits: Seen<ProcessExitEvent>[] = [];
  readonly updates: Seen<ProcessUpdateEvent>[] = [];
  readonly monitor: EventMonitor;
  readonly cache: ProcessInfoCache;
  #running: Promise<void> | undefined;
  readonly #children = new Set<StartedProgram>();

  /** The records are handed out from the first {@link KernelBed.settle} or {@link KernelBed.go} on. */
  static async open(options: ProcessCacheOptions = {}, monitorOptions: EventMonitorOptions = {}): Promise<KernelBed> {
    const monitor = await EventMonitor.open(monitorOptions);
    try {
      return new KernelBed(monitor, await ProcessInfoCache.open(monitor, options));
    } catch (error) {
      await monitor.close();
      throw error;
    }
  }

  private constructor(monitor: EventMonitor, cache: ProcessInfoCache) {
    this.monitor = monitor;
    this.cache = cache;
    let at = 0;
    const keep = <T>({ pid, tid, cpu, cgroup, elapsed }: ExternalSample, event: T): Seen<T> => {
      return { at: at++, sample: { pid, tid, cpu, cgroup, elapsed }, event };
    };
    monitor.addHandler<ProcessForkEvent>(cache.forkEventId, (sample, event) => {
      this.forks.push(keep(sample as ExternalSample, event));
    });
    monitor.addHandler<ProcessExecEvent>(cache.execEventId, (sample, event) => {
      this.execs.push(keep(sample as ExternalSample, { ...event, ...stateOf(event.task) }));
    });
    monitor.addHandler<ProcessExitEvent>(cache.exitEventId, (sample, event) => {
      this.exits.push(keep(sample as ExternalSample, event));
    });
    monitor.addHandler<ProcessUpdateEvent>(cache.updateEventId, (sample, event) => {
      this.updates.push(keep(sample as ExternalSample, event));
    });
  }

  /** Has the records handed out. */
  go(): void {
    this.#running ??= this.monitor.run();
  }

  /** Starts a program, which is killed with the bed if it has not ended by then. */
  start(program: string, args: readonly string[], input: "ignore" | "pipe" = "ignore"): StartedProgram {
    const child = startProgram(program, args, input);
    this.#children.add(child);
    child.once("close", () => this.#children.delete(child));
    return child;
  }

  /** Runs a program to its end; returns its pid and the lines that it printed, each as words. */
  async run(program: string, ...args: string[]): Promise<{ pid: number; lines: string[][] }> {
    const child = this.start(program, args);
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    await once(child, "close");
    const lines = Buffer.concat(chunks).toString().split("\n").filter(Boolean);
    await this.settle();
    return { pid: child.pid, lines: lines.map((line) => line.split(" ")) };
  }

  /** Starts a program and waits for the first `count` lines that it prints; it goes on. */
  async startUntil(count: number, program: string, ...args: string[]) {
    const child = this.start(program, args, "pipe");
    const lines: string[][] = [];
    for await (const line of createInterface(child.stdout)) if (lines.push(line.split(" ")) === count) break;
    await this.settle();
    return { child, pid: child.pid, lines };
  }

  /** Ends a program's standard input, and waits for its end. */
  async finish(child: ChildProcess): Promise<void> {
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await this.settle();
  }

  /** Waits until everything that has happened was handed out. */
  async settle(): Promise<void> {
    this.go();
    const marker = this.monitor.registerExternalEvent<undefined>("settle");
    const now = this.monitor.clock.now();
    await new Promise<void>((resolve) => {
      this.monitor.addHandler(marker, () => resolve());
      const sample = { pid: 0, tid: 0, cpu: 0, cgroup: 0, elapsed: now };
      this.monitor.enqueueExternalSample(marker, sample, undefined);
    });
    await this.monitor.unregister(marker);
  }

  /** Waits until something holds, but not for ever. */
  async until(holds: () => boolean): Promise<void> {
    for (let turn = 0; turn < 1000 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  execsOf(pid: number): Seen<SeenExec>[] {
    return this.execs.filter(({ event }) => event.task.pid === pid);
  }

  exitsOf(pid: number): Seen<ProcessExitEvent>[] {
    return this.exits.filter(({ event }) => event.task.pid === pid);
  }

  updatesOf(pid: number, field: ProcessUpdateEvent["field"]): Seen<ProcessUpdateEvent>[] {
    return this.updates.filter(({ event }) => event.task.pid === pid && event.field === field);
  }

  forksOf(pid: number): Seen<ProcessForkEvent>[] {
    return this.forks.filter(({ event }) => event.childTask.pid === pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child[Symbol.dispose]();
    await this.monitor.stop();
    await this.#running;
    await this.cache.close();
    await this.monitor.close();
  }
}

/** What of a task can be another at the next event. */
function stateOf(task: Task) {
  const { creds, parentPid, cgroupPath } = task;
  return {
    origin: task.origin("commandLine"),
    uid: creds?.uid,
    euid: creds?.euid,
    credsOrigin: task.origin("creds"),
    parentPid,
    cgroupPath,
  };
}
