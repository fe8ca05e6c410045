import { constants } from "node:http2";
import type { HttpResponse } from "./http-front.js";

/**
 * Cuts answers that were written to their end and of which nothing is taken: a client that opens no window would keep its
 * stream, or one that does not read its connection, for ever. Streams that go on are minded where they are written.
 */
export class AnswerWatch {
  readonly #time: number;
  readonly #open = new Set<HttpResponse>();
  /** Bytes that were left at the last look of those that were ended by then. */
  #left = new Map<HttpResponse, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param time milliseconds between two looks: what nothing is taken of from one to the next is cut */
  constructor(time: number) {
    this.#time = time;
  }

  add(response: HttpResponse): void {
    this.#open.add(response);
    response.on("close", () => this.#open.delete(response));
    this.#timer ??= setInterval(() => this.#look(), this.#time).unref();
  }

  #look(): void {
    const left = new Map<HttpResponse, number>();
    for (const response of this.#open) {
      const bytes = leftOf(response);
      if (bytes === "gone") this.#open.delete(response);
      else if (bytes !== "not ended") {
        if (bytes >= (this.#left.get(response) ?? Number.POSITIVE_INFINITY)) cut(response);
        else left.set(response, bytes);
      }
    }
    this.#left = left;
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** Bytes that a client has not taken of an answer that was ended. */
function leftOf(response: HttpResponse): number | "not ended" | "gone" {
  if ("stream" in response) {
    // Some write to the stream itself.
    const { writableEnded, writableLength } = response.stream;
    return writableEnded ? writableLength : "not ended";
  }
  // One that waits behind another on its connection says nothing of its connection's end.
  if (response.req.socket.destroyed) return "gone";
  return response.writableEnded && response.socket !== null ? response.writableLength : "not ended";
}

function cut(response: HttpResponse): void {
  if ("stream" in response) response.stream.close(constants.NGHTTP2_CANCEL);
  else response.destroy();
}
