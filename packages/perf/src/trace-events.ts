import { parseTraceFormat, type TraceFormat } from "./trace-format.js";
import { parseEventName, type Tracing } from "./tracing.js";

/** The formats of trace events, each read once; where they come from is opened when it is first needed. */
export class TraceEvents {
  readonly #open: () => Promise<Tracing>;
  #tracing: Promise<Tracing> | undefined;
  readonly #formats = new Map<string, TraceFormat>();

  constructor(open: () => Promise<Tracing>) {
    this.#open = open;
  }

  async format(name: string): Promise<TraceFormat> {
    const event = parseEventName(name);
    const path = `${event.system}/${event.event}`;
    const known = this.#formats.get(path);
    if (known !== undefined) return known;
    const tracing = await this.tracing();
    const format = parseTraceFormat(await tracing.readFormat(event));
    this.#formats.set(path, format);
    return format;
  }

  /** One that could not be opened is tried again at the next call. */
  tracing(): Promise<Tracing> {
    this.#tracing ??= this.#open().catch((error) => {
      this.#tracing = undefined;
      throw error;
    });
    return this.#tracing;
  }

  async close(): Promise<void> {
    const tracing = this.#tracing;
    this.#tracing = undefined;
    await (await tracing?.catch(() => undefined))?.close();
  }
}
