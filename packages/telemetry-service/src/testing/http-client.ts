import { type IncomingMessage, type RequestOptions, request } from "node:http";

/** An answer by HTTP/1.1. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  /** What came of the body so far. */
  readonly text: () => string;
  /** Resolves with the whole body. */
  readonly end: Promise<string>;
  readonly destroy: () => void;
}

/** Sends a request and resolves when the head of its answer is there. */
export function ask(options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ method: body === undefined ? "GET" : "POST", ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      const end = new Promise<string>((done, failed) => {
        response.on("end", () => done(text)).on("error", failed);
      });
      end.catch(() => {});
      const { statusCode: status, headers } = response;
      resolve({ status, headers, text: () => text, end, destroy: () => response.destroy() });
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** A figure of the service's page of metrics by its name, behind `kernscope_` and with its labels; 0 where it is not there. */
export async function figureOf(path: string, name: string): Promise<number> {
  const text = await (await ask({ socketPath: path, path: "/metrics" })).end;
  const line = text.split("\n").find((each) => each.startsWith(`kernscope_${name} `));
  return Number(line?.split(" ").at(-1) ?? 0);
}
