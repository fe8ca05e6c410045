import type { EventGroup } from "./event-group.js";
import type { ExternalSample } from "./external-queue.js";
import type { TraceFields } from "./field-decoder.js";
import type { EventId } from "./record.js";
import type { SampleLayout } from "./sample-layout.js";
import type { SampleRecord } from "./sample-record.js";
import type { TraceFormat } from "./trace-format.js";

/** Both arguments are cursors, valid only during the call. */
export type SampleHandler<F = TraceFields> = (record: SampleRecord, data: F) => void;
export type ExternalHandler<T = unknown> = (sample: ExternalSample, data: T) => void;
// biome-ignore lint/suspicious/noExplicitAny: one table holds the handlers of all events, whatever their data
export type AnyHandler = (sample: any, data: any) => void;

/** What an event is, to those who register and to those who dispatch. */
export interface RegistrationInit {
  id: EventId;
  name: string;
  /** Of its samples; left out for external events. */
  layout?: SampleLayout | undefined;
  format?: TraceFormat | undefined;
  data?: TraceFields | undefined;
  group?: EventGroup | undefined;
}

/** One registered event. */
export class Registration {
  readonly id: EventId;
  readonly name: string;
  readonly external: boolean;
  readonly format: TraceFormat | undefined;
  readonly layout: SampleLayout | undefined;
  /** Bytes that a record's raw data has at least. */
  readonly rawSize: number;
  /** The cursor that handlers get. */
  readonly data: TraceFields;
  readonly group: EventGroup | undefined;
  /** Replaced, never changed, so that a dispatch that goes on is not disturbed. */
  handlers: readonly AnyHandler[] = [];
  /** Records that were handed to the handlers. */
  delivered = 0;
  /** Records that came after the event was unregistered. */
  discarded = 0;
  /** Settles when the kernel has opened the event, or not. */
  opening: Promise<unknown> | undefined;
  /** The kernel has it, so that it can be enabled and counted. */
  opened = false;
  /** It is being unregistered. */
  closing = false;
  /** Its counts are part of the closed events' total. */
  retired = false;
  #entries: { handler: AnyHandler }[] = [];

  constructor(init: RegistrationInit) {
    this.id = init.id;
    this.name = init.name;
    this.external = init.layout === undefined;
    this.format = init.format;
    this.layout = init.layout;
    this.rawSize = init.format?.size ?? 0;
    this.data = init.data ?? noFields;
    this.group = init.group;
  }

  /** Returns the handler's removal. */
  addHandler(handler: AnyHandler): () => void {
    // An object of its own, so that the same function added twice is two handlers.
    const entry = { handler };
    this.#entries.push(entry);
    this.handlers = this.#entries.map((each) => each.handler);
    return () => {
      const at = this.#entries.indexOf(entry);
      if (at < 0) return;
      this.#entries.splice(at, 1);
      this.handlers = this.#entries.map((each) => each.handler);
    };
  }

  /** From now on its records are counted as discarded. */
  silence(): void {
    this.#entries = [];
    this.handlers = [];
    this.closing = true;
  }
}

const noFields: TraceFields = Object.freeze({});
