import type { Writable } from "node:stream";
import type { ServiceMetrics } from "../service-metrics.js";
import type { ClientStream } from "./client-stream.js";
import type { EventForm } from "./event-block.js";

export interface WriteOptions {
  readonly form: EventForm;
  /** Milliseconds in which the client must take what is written. */
  readonly progressTime: number;
  readonly metrics: ServiceMetrics;
  /** Ends the client's stream at once. */
  readonly cut: () => void;
}

/**
 * Writes the blocks of a stream to a client, until the stream ends or the client is gone; one that takes nothing in time
 * is cut. Rejects where the stream ends with an error.
 */
export async function writeStream(stream: ClientStream, to: Writable, options: WriteOptions): Promise<void> {
  const { form, progressTime, metrics, cut } = options;
  let blocked: (() => void) | undefined;
  let late: NodeJS.Timeout | undefined;
  const go = () => {
    clearTimeout(late);
    blocked?.();
  };
  to.on("drain", go).on("close", go);
  try {
    for (let block = await stream.next(); block !== undefined; block = await stream.next()) {
      if (to.destroyed) return;
      if (!to.write(block.as(form))) {
        await new Promise<void>((resolve) => {
          blocked = resolve;
          late = setTimeout(() => {
            metrics.cut();
            stream.close();
            cut();
          }, progressTime);
        });
        if (to.destroyed) return;
      }
      metrics.sent(block);
    }
  } finally {
    clearTimeout(late);
    to.off("drain", go).off("close", go);
  }
}
