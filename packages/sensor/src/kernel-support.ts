import { existsSync } from "node:fs";
import { KernelSymbols, parseEventName, parseTraceFormat, type TraceFormat, type Tracing } from "@kernscope/perf";
import { KernelTypes } from "./kernel-types.js";

/** What this kernel offers to make events from. Looking does not acquire anything. */
export class KernelSupport {
  /** Functions of the kernel itself, which stay: to read all its symbols takes long. */
  static readonly #builtIn = new Set<string>();
  /** It has kernel probes (CONFIG_KPROBE_EVENTS). */
  readonly kprobes: boolean;
  /** It has user probes (CONFIG_UPROBE_EVENTS). */
  readonly uprobes: boolean;
  readonly #tracing: Tracing;
  readonly #events: ReadonlySet<string>;
  readonly #formats = new Map<string, Promise<TraceFormat>>();
  readonly #functions = new Map<string, boolean>();
  #symbols: Promise<KernelSymbols> | undefined;
  #types: Promise<KernelTypes | undefined> | undefined;

  /** @throws PerfError where tracefs cannot be read */
  static async open(tracing: Tracing): Promise<KernelSupport> {
    const has = (file: string) =>
      tracing.read(file).then(
        () => true,
        () => false,
      );
    const events = await tracing.listEvents();
    return new KernelSupport(tracing, new Set(events), await has("kprobe_events"), await has("uprobe_events"));
  }

  private constructor(tracing: Tracing, events: ReadonlySet<string>, kprobes: boolean, uprobes: boolean) {
    this.#tracing = tracing;
    this.#events = events;
    this.kprobes = kprobes;
    this.uprobes = uprobes;
  }

  /** Whether there is a tracepoint `system/event`. */
  hasTracepoint(name: string): boolean {
    return this.#events.has(name);
  }

  /** It tells of cgroups that come and go (CONFIG_CGROUPS): what containers are known by. */
  get hasCgroups(): boolean {
    return this.hasTracepoint("cgroup/cgroup_mkdir") && this.hasTracepoint("cgroup/cgroup_rmdir");
  }

  /** It serves the calls of 32-bit programs, which the tracepoints of single calls do not see. */
  get hasCompatCalls(): boolean {
    // arm64 says nowhere; x86-64 has the file with CONFIG_IA32_EMULATION.
    return process.arch !== "x64" || existsSync("/proc/sys/abi/vsyscall32");
  }

  /** The format of a tracepoint. */
  format(name: string): Promise<TraceFormat> {
    let format = this.#formats.get(name);
    if (format === undefined) {
      format = this.#tracing.readFormat(parseEventName(name)).then(parseTraceFormat);
      this.#formats.set(name, format);
    }
    return format;
  }

  /** The first of these functions that the kernel has; names drift between kernels. `undefined` also without kprobes. */
  async findFunction(names: readonly string[]): Promise<string | undefined> {
    if (!this.kprobes) return undefined;
    for (const name of names) if (await this.#hasFunction(name)) return name;
    return undefined;
  }

  async #hasFunction(name: string): Promise<boolean> {
    if (KernelSupport.#builtIn.has(name)) return true;
    let known = this.#functions.get(name);
    if (known === undefined) {
      this.#symbols ??= KernelSymbols.open();
      const symbols = await this.#symbols;
      const found = symbols.lookup(name).filter(({ type }) => /[tTwW]/.test(type));
      if (found.some(({ module }) => module === undefined)) KernelSupport.#builtIn.add(name);
      known = found.length > 0;
      this.#functions.set(name, known);
    }
    return known;
  }

  /** The kernel's types; `undefined` where it does not tell them (CONFIG_DEBUG_INFO_BTF). */
  types(): Promise<KernelTypes | undefined> {
    this.#types ??= KernelTypes.open().catch(() => undefined);
    return this.#types;
  }
}
