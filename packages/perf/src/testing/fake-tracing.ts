import { PerfError } from "../errors.js";
import type { TraceEventName, Tracing } from "../tracing.js";
import { traceFormats } from "./formats.js";

/** Formats from a table instead of tracefs. */
export class FakeTracing implements Tracing {
  readonly #formats: ReadonlyMap<string, string>;

  /** @param formats texts by `system/event`, beside and before those of {@link traceFormats}; `undefined`: no such event. */
  constructor(formats: Readonly<Record<string, string | undefined>> = {}) {
    const all = Object.entries({ ...traceFormats, ...formats });
    this.#formats = new Map(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
  }

  async readFormat({ system, event }: TraceEventName): Promise<string> {
    return this.formatOf(`${system}/${event}`);
  }

  /** The text of an event's format, by `system/event`. */
  formatOf(name: string): string {
    const text = this.#formats.get(name);
    if (text !== undefined) return text;
    throw new PerfError("not_found", { operation: "tracefs", subject: name, cause: "no such event" });
  }

  async listEvents(): Promise<string[]> {
    return [...this.#formats.keys()].filter((name) => !name.includes("@"));
  }

  async close(): Promise<void> {}
}
