import { PerfError } from "../errors.js";
import type { TraceEventName, Tracing } from "../tracing.js";
import { FakeProbes } from "./fake-probes.js";
import { traceFormats } from "./formats.js";

/** Formats from a table instead of tracefs, and those of probes that are registered. */
export class FakeTracing implements Tracing {
  readonly probes: FakeProbes;
  readonly #formats: ReadonlyMap<string, string>;

  /**
   * @param formats texts by `system/event`, beside and before those of {@link traceFormats}; `undefined`: no such event
   * @param functions kernel functions that can be probed; left out: all, empty: no kernel probes
   */
  constructor(formats: Readonly<Record<string, string | undefined>> = {}, functions?: readonly string[]) {
    const all = Object.entries({ ...traceFormats, ...formats });
    this.#formats = new Map(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
    this.probes = new FakeProbes(functions);
  }

  async readFormat({ system, event }: TraceEventName): Promise<string> {
    return this.formatOf(`${system}/${event}`);
  }

  /** The text of an event's format, by `system/event`. */
  formatOf(name: string): string {
    const text = this.#formats.get(name) ?? this.probes.probes.get(name)?.format;
    if (text !== undefined) return text;
    throw new PerfError("not_found", { operation: "tracefs", subject: name, cause: "no such event" });
  }

  async listEvents(): Promise<string[]> {
    return [...this.#formats.keys(), ...this.probes.probes.keys()].filter((name) => !name.includes("@"));
  }

  async read(file: string): Promise<string> {
    return this.probes.read(file);
  }

  async append(file: string, line: string): Promise<void> {
    this.probes.append(file, line);
  }

  async close(): Promise<void> {}
}
