import type { Writable } from "node:stream";
import type { ServiceMetrics } from "../service-metrics.js";
import type { ClientStream } from "./client-stream.js";
import type { EventForm } from "./event-block.js";

export interface WriteOptions {
  readonly form: EventForm;
  /** Milliseconds in which the client must take something of what is written. */
  readonly progressTime: number;
  readonly metrics: ServiceMetrics;
  /** Ends the client's stream at once. */
  readonly cut: () => void;
}

/** Bytes that may be under way: what a client takes while this process is busy with other things for some milliseconds. */
const UNDER_WAY = 512 * 1024;

/**
 * Writes the blocks of a stream to a client, until the stream ends or the client is gone; one that takes nothing in time
 * is cut. Rejects where the stream ends with an error.
 */
export async function writeStream(stream: ClientStream, to: Writable, options: WriteOptions): Promise<void> {
  const { form, progressTime, metrics, cut } = options;
  let blocked: (() => void) | undefined;
  let late: NodeJS.Timeout | undefined;
  const watch = () => {
    clearTimeout(late);
    late = undefined;
    if (stream.underWay === 0 || to.destroyed) return;
    late = setTimeout(() => {
      metrics.cut();
      stream.close();
      cut();
    }, progressTime);
  };
  const onClose = () => {
    clearTimeout(late);
    // Nobody is left to take what waits.
    stream.close();
    blocked?.();
  };
  to.on("close", onClose);
  try {
    for (let block = await stream.next(); block !== undefined; block = await stream.next()) {
      if (to.destroyed) return;
      const written = block;
      const bytes = block.as(form);
      stream.underWay += bytes.length;
      if (late === undefined) watch();
      to.write(bytes, (error) => {
        stream.underWay -= bytes.length;
        if (!error) {
          metrics.sent(written);
          written.release();
        }
        watch();
        blocked?.();
      });
      while (stream.underWay >= UNDER_WAY && !to.destroyed) {
        await new Promise<void>((resolve) => {
          blocked = resolve;
        });
      }
    }
  } finally {
    // What is under way has its time, too, whether the stream ended or not.
    to.off("close", onClose);
    to.on("close", () => clearTimeout(late));
    if (to.destroyed) clearTimeout(late);
  }
}
