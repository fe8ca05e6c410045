import { ContextBytesCache } from "./encoder/context-bytes.js";
import { WireWriter } from "./encoder/wire-writer.js";
import { writeReceivedEvent } from "./encoder/write-event.js";
import type { EventInit } from "./event-init.js";

/** Bytes in front of a message in gRPC, gRPC-Web and Connect streams: one of flags, four of length. */
export const ENVELOPE_SIZE = 5;

/** Somewhat more than the 64 KiB after which a response is full by default: it takes its slab along then, uncopied. */
const SLAB = 72 * 1024;

/**
 * Encodes `GetEventsResponse`s with events in their envelope, straight into the bytes that go out: `start`, an `add` for
 * each event, `finish`.
 */
export class ResponseEncoder {
  private readonly writer = new WireWriter(SLAB);
  private readonly contexts = new ContextBytesCache();

  /** Begins a response. One that was not finished is forgotten. */
  start(): void {
    this.writer.start();
    this.writer.skip(ENVELOPE_SIZE);
  }

  /**
   * Adds an event.
   *
   * @param publishTimeMicros Unix time in microseconds
   * @returns bytes of the response so far, with its envelope
   * @throws {TelemetryApiError} `invalid_value`: start anew then
   */
  add(event: EventInit, publishTimeMicros: number): number {
    writeReceivedEvent(this.writer, this.contexts, publishTimeMicros, event);
    return this.writer.size;
  }

  /** Adds an event from `EventEncoder.encodeReceivedEvent`, as {@link ResponseEncoder.add} does. */
  addEncoded(received: Uint8Array): number {
    this.writer.raw(received);
    return this.writer.size;
  }

  /**
   * Returns envelope and message. They are not written again before they are given to {@link ResponseEncoder.reuse}; their
   * `buffer` may be shared with other results.
   */
  finish(): Uint8Array {
    const bytes = this.writer.finish();
    const size = bytes.length - ENVELOPE_SIZE;
    bytes[0] = 0;
    bytes[1] = size >>> 24;
    bytes[2] = size >>> 16;
    bytes[3] = size >>> 8;
    bytes[4] = size;
    return bytes;
  }

  /** Takes back a response that nobody will read any more: further ones are written over it, which spares the memory. */
  reuse(response: Uint8Array): void {
    this.writer.reuse(response);
  }
}
