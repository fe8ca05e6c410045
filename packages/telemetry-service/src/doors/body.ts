import { Code, ConnectError } from "@connectrpc/connect";
import type { HttpRequest } from "../http-front.js";

/**
 * Reads the body of a request.
 *
 * @throws ConnectError ResourceExhausted where it is longer than `most` bytes; Canceled where it does not come to its end
 */
export function readBody(request: HttpRequest, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= most) chunks.push(chunk);
      else reject(new ConnectError(`the request is longer than ${most} bytes`, Code.ResourceExhausted));
    });
    request.on("end", () => resolve(Buffer.concat(chunks)));
    const gone = () => reject(new ConnectError("the request ended early", Code.Canceled));
    request.on("aborted", gone).on("error", gone).on("close", gone);
  });
}
