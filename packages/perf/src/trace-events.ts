import { parseTraceFormat, type TraceFormat } from "./trace-format.js";
import { parseEventName, type Tracing } from "./tracing.js";

/** The formats of trace events, of which those that stay are read once; where they come from is opened when it is first needed. */
export class TraceEvents {
  readonly #open: () => Promise<Tracing>;
  #tracing: Promise<Tracing> | undefined;
  readonly #formats = new Map<string, TraceFormat>();

  constructor(open: () => Promise<Tracing>) {
    this.#open = open;
  }

  async format(name: string): Promise<TraceFormat> {
    const { system, event } = parseEventName(name);
    const path = `${system}/${event}`;
    const known = this.#formats.get(path);
    if (known !== undefined) return known;
    const format = await this.read(path);
    this.#formats.set(path, format);
    return format;
  }

  /** As it is now, not kept: for events that come and go. */
  async read(name: string): Promise<TraceFormat> {
    const tracing = await this.tracing();
    return parseTraceFormat(await tracing.readFormat(parseEventName(name)));
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
