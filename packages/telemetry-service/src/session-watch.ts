import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { connectionOfSession } from "./connection.js";
import { fixedLimits, type ServiceLimits } from "./limits.js";

/**
 * Ends an HTTP/2 connection that holds a place for nothing, or costs more than it should: one that has had no stream for
 * `requestTime`, whatever parts of frames it sends; and one that breaks off more streams than `resetsPerConnection` in a
 * burst and `resetsPerSecond` for long.
 *
 * One without streams is told so by GOAWAY without an error, after which clients connect again with their next call.
 */
export function watchSession(
  session: ServerHttp2Session,
  { requestTime, resetsPerConnection }: Pick<ServiceLimits, "requestTime" | "resetsPerConnection">,
): void {
  const resets = new Allowance(resetsPerConnection, fixedLimits.resetsPerSecond);
  const connection = connectionOfSession(session);
  let streams = 0;
  let closed = false;
  let tooMany = false;
  let timer: NodeJS.Timeout;
  const waitForStream = () => {
    timer = setTimeout(() => {
      session.close();
      // Node waits then until the client closes its side.
      timer = setTimeout(() => connection?.cut(), requestTime);
    }, requestTime);
  };
  session.on("stream", (stream: ServerHttp2Stream) => {
    streams++;
    clearTimeout(timer);
    let counted = false;
    const onBroken = () => {
      if (counted) return;
      counted = true;
      if (resets.take() || tooMany) return;
      tooMany = true;
      // Not while what came is still being read.
      setImmediate(() => session.destroy(new Error("too many resets"), constants.NGHTTP2_ENHANCE_YOUR_CALM));
    };
    // It comes with whatever code a stream was reset, unless all was sent before.
    if (stream.aborted) onBroken();
    stream.on("aborted", onBroken);
    stream.on("close", () => {
      streams--;
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) onBroken();
      if (streams === 0 && !closed) waitForStream();
    });
  });
  session.on("close", () => {
    closed = true;
    clearTimeout(timer);
  });
  waitForStream();
}

/** So many at once, and so many a second for long. */
class Allowance {
  readonly #most: number;
  readonly #perSecond: number;
  #left: number;
  #counted = performance.now();

  constructor(most: number, perSecond: number) {
    this.#most = most;
    this.#perSecond = perSecond;
    this.#left = most;
  }

  /** Takes one; returns whether there was one left. */
  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(this.#most, this.#left + ((now - this.#counted) / 1000) * this.#perSecond);
    this.#counted = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
