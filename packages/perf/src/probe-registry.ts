import { randomBytes } from "node:crypto";
import { PerfError } from "./errors.js";
import { explainProbeError } from "./probe-error.js";
import { probeName, thisProcess } from "./probe-owner.js";
import { type ProbeCounts, parseProbeProfile } from "./probe-profile.js";
import { type ProbeText, probeLine, removalLine } from "./probe-text.js";
import type { Tracing } from "./tracing.js";

export type ProbeKind = "kprobe" | "uprobe";

/** A probe that is in the kernel. */
export interface Probe {
  readonly kind: ProbeKind;
  /** `GROUP/EVENT`, unique on this machine. */
  readonly event: string;
}

export interface ProbeRequest extends Omit<ProbeText, "event"> {
  kind: ProbeKind;
  /** What it is, for errors. */
  subject: string;
}

/** How often, and how long apart in milliseconds, a probe that is said to be in use is tried to be removed. */
const removal = { attempts: 10, pause: 20 } as const;

/**
 * The probes of one monitor: lines in tracefs's kprobe_events and uprobe_events, which outlive the process if they are not
 * removed: {@link sweepProbes}.
 */
export class ProbeRegistry {
  readonly #open: () => Promise<Tracing>;
  readonly #instance = randomBytes(4).toString("hex");
  readonly #probes = new Map<string, Probe>();
  readonly #working = new Set<Promise<unknown>>();
  #count = 0;
  #closed = false;

  /** @param open gives tracefs; asked when there is something to do */
  constructor(open: () => Promise<Tracing>) {
    this.#open = open;
  }

  /** Whether any probe is there. */
  get empty(): boolean {
    return this.#probes.size === 0;
  }

  /** @throws PerfError `invalid`, `unsupported`, `permission`, `not_found` */
  add(request: ProbeRequest): Promise<Probe> {
    return this.#track(this.#add(request));
  }

  /** Removes probes whose events are closed. */
  remove(probe: Probe): Promise<void> {
    return this.#track(this.#remove(probe));
  }

  /** What the kernel counted for each probe, by {@link Probe.event}. */
  async counts(): Promise<ReadonlyMap<string, ProbeCounts>> {
    const kinds = new Set([...this.#probes.values()].map(({ kind }) => kind));
    if (kinds.size === 0) return new Map();
    const tracing = await this.#open();
    const profiles = await Promise.all(
      [...kinds].map(async (kind) => parseProbeProfile(`${kind}_profile`, await tracing.read(`${kind}_profile`))),
    );
    const all = new Map(profiles.flatMap((profile) => [...profile]));
    return new Map(
      [...this.#probes.keys()].flatMap((event) => {
        const counts = all.get(event.slice(event.indexOf("/") + 1));
        return counts === undefined ? [] : [[event, counts]];
      }),
    );
  }

  /** Removes all; the events are closed by now. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#working);
    const removals = await Promise.allSettled([...this.#probes.values()].map((probe) => this.#remove(probe)));
    for (const result of removals) if (result.status === "rejected") throw result.reason;
  }

  async #add({ kind, subject, ...text }: ProbeRequest): Promise<Probe> {
    if (this.#closed) throw new PerfError("closed", { operation: kind, subject, cause: "the monitor was closed" });
    const owner = await thisProcess();
    const event = probeName(owner, this.#instance, this.#count++);
    const line = probeLine({ ...text, event });
    const tracing = await this.#open();
    try {
      await tracing.append(`${kind}_events`, line);
    } catch (error) {
      throw error instanceof PerfError ? await explainProbeError(error, tracing, event, subject) : error;
    }
    const probe = { kind, event };
    this.#probes.set(event, probe);
    return probe;
  }

  async #remove(probe: Probe): Promise<void> {
    if (!this.#probes.has(probe.event)) return;
    const tracing = await this.#open();
    for (let attempt = 1; ; attempt++) {
      const error = await removeProbe(tracing, probe);
      if (error === undefined) break;
      // A process that was just forked holds all descriptors until it executes something.
      if (error.errno !== "EBUSY" || attempt === removal.attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, removal.pause));
    }
    this.#probes.delete(probe.event);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#working.add(work);
    const done = () => this.#working.delete(work);
    work.then(done, done);
    return work;
  }
}

/** Returns why it is still there. */
export async function removeProbe(tracing: Tracing, { kind, event }: Probe): Promise<PerfError | undefined> {
  try {
    await tracing.append(`${kind}_events`, removalLine(event));
    return undefined;
  } catch (error) {
    if (!(error instanceof PerfError)) throw error;
    return error.errno === "ENOENT" ? undefined : error;
  }
}
