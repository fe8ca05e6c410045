import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { ContainerCacheError } from "../errors.js";

export interface SocketRequest {
  /** Path of the UNIX socket. */
  readonly socket: string;
  readonly path: string;
  /** Milliseconds: of the whole answer, and of a stream that of its beginning. */
  readonly timeout: number;
  /** Bytes: of the whole answer, and of a stream those of a line. */
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** Asks for something and returns its status and text. Throws ContainerCacheError for what takes too long or is too large. */
export function fetchText(init: SocketRequest): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = begin(init, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > init.limit) call.destroy(failure(init, `the answer has more than ${init.limit} bytes`));
        else chunks.push(chunk);
      });
      response.on("end", () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
      response.on("error", fail);
      response.on("close", () => fail(new Error("the connection ended early")));
    });
    const timer = setTimeout(() => call.destroy(failure(init, `no answer in ${init.timeout} ms`)), init.timeout);
    call.on("error", fail);

    function fail(error: Error) {
      clearTimeout(timer);
      reject(error instanceof ContainerCacheError ? error : failure(init, error.message, error));
    }
  });
}

/**
 * Follows an answer that does not end, line by line. Resolves when it has begun, with the promise of its end, which
 * rejects unless it was `signal` that ended it.
 */
export function followLines(init: SocketRequest, onLine: (line: string) => void): Promise<{ ended: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const call = begin(init, (response) => {
      clearTimeout(timer);
      if (response.statusCode !== 200) {
        call.destroy(failure(init, `status ${response.statusCode}`));
        return;
      }
      const ended = new Promise<void>((end, fail) => {
        const close = (error?: Error) => (init.signal.aborted ? end() : fail(error ?? failure(init, "it ended")));
        response.on("close", () => close());
        response.on("error", close);
        call.on("error", close);
      });
      ended.catch(() => {});
      splitLines(response, init.limit, onLine, () => {
        call.destroy(failure(init, `a line has more than ${init.limit} bytes`));
      });
      resolve({ ended });
    });
    const timer = setTimeout(() => call.destroy(failure(init, `no answer in ${init.timeout} ms`)), init.timeout);
    call.on("error", (error) => {
      clearTimeout(timer);
      reject(error instanceof ContainerCacheError ? error : failure(init, error.message, error));
    });
  });
}

function begin(
  { socket, path, signal }: SocketRequest,
  onResponse: (response: IncomingMessage) => void,
): ClientRequest {
  const call = request({
    socketPath: socket,
    path,
    method: "GET",
    headers: { Host: "localhost" },
    agent: false,
    signal,
  });
  call.on("response", onResponse);
  call.end();
  return call;
}

function splitLines(response: IncomingMessage, limit: number, onLine: (line: string) => void, tooLong: () => void) {
  let rest = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > limit || lines.some(({ length }) => length > limit)) {
      rest = "";
      tooLong();
      return;
    }
    for (const line of lines) if (line.trim() !== "") onLine(line);
  });
}

function failure({ socket, path }: SocketRequest, cause: string, error?: unknown): ContainerCacheError {
  return new ContainerCacheError("runtime", `GET ${path} (${socket}): ${cause}`, { cause: error });
}
