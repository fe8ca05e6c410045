import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HttpFront } from "./http-front.js";
import { inTemporaryDirectory, until } from "./testing/index.js";

const place = {
  address: { kind: "unix", path: "/s" },
  tls: false,
  clientCertificates: false,
  tokens: false,
} as const;
const limits = { connections: 4, requestTime: 10_000, streamsPerConnection: 2, resetsPerConnection: 100 };

test(
  "HTTP/1.1 and HTTP/2 on one socket, whatever pieces the first bytes come in",
  withFront(limits, async ({ path }) => {
    assert.match(
      await http1(path, ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]),
      /^HTTP\/1.1 200 OK\r\n/,
    );
    assert.match(await http1(path, [..."PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"]), /HTTP\/1.1 PUT \/$/);
    const pieces = async (socket: Socket) => {
      const write = socket.write.bind(socket);
      socket.write = ((data: Buffer, ...rest: []) => {
        for (const byte of data) write(Buffer.from([byte]));
        return write("", ...rest);
      }) as typeof socket.write;
    };
    assert.is(await http2(path), "HTTP/2.0 GET /x");
    assert.is(await http2(path, pieces), "HTTP/2.0 GET /x");
  }),
);

test(
  "a client that speaks no HTTP is told so",
  withFront(limits, async ({ path }) => {
    assert.match(await http1(path, ["\x16\x03\x01 hello\r\n\r\n"]), /^HTTP\/1.1 400 Bad Request\r\n/);
  }),
);

test(
  "a connection that does not say what it wants is closed in time, at whatever point it stops",
  withFront({ ...limits, requestTime: 200 }, async ({ path }) => {
    const body = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf";
    for (const bytes of ["", "PRI * HTT", "GET / HTTP/1.1\r\nHo", body]) await http1(path, [bytes], { wait: true });
    // In HTTP/2 it is the stream.
    const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
    const call = session.request({ ":method": "POST", ":path": "/" });
    call.write("half");
    await once(call, "close");
    assert.not(session.destroyed);
    session.destroy();
  }),
);

test(
  "one connection too many is closed, until another one ends",
  withFront(limits, async ({ path }) => {
    const sockets = Array.from({ length: limits.connections }, () => connect(path));
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    await until(async () => (await http1(path, [""], { wait: true })) === "", "it is closed at once");
    sockets[0]?.destroy();
    await until(async () => (await http2(path).catch(() => "")) === "HTTP/2.0 GET /x", "there is room again");
    for (const socket of sockets) socket.destroy();
  }),
);

test(
  "no more streams on a connection than the limit",
  withFront(limits, async ({ path }) => {
    const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
    const [settings] = await once(session, "remoteSettings");
    assert.is(settings.maxConcurrentStreams, 2);
    session.destroy();
  }),
);

/** Runs a test with a front that answers with version, method and path. */
function withFront(frontLimits: typeof limits, body: (parts: { path: string }) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const front = new HttpFront((request, response) => {
      request.resume();
      request.on("end", () => response.end(`HTTP/${request.httpVersion} ${request.method} ${request.url}`));
    }, frontLimits);
    const server = createServer((socket) => front.accept(socket, place)).listen(path);
    await once(server, "listening");
    try {
      await body({ path });
    } finally {
      server.close();
      await front.close(1000);
    }
  });
}

/** Sends the pieces and returns what comes until the connection is closed. With `wait` it does not end its side. */
async function http1(path: string, pieces: readonly string[], { wait = false } = {}): Promise<string> {
  const socket = connect(path);
  let answer = "";
  socket.on("data", (data) => {
    answer += data;
  });
  socket.on("error", () => {});
  for (const piece of pieces) {
    socket.write(piece);
    if (pieces.length > 1) await new Promise(setImmediate);
  }
  if (!wait) socket.on("end", () => socket.end());
  await once(socket, "close");
  return answer;
}

async function http2(path: string, prepare: (socket: Socket) => void = () => {}): Promise<string> {
  const socket = connect(path);
  prepare(socket);
  const session = connectHttp2("http://localhost", { createConnection: () => socket });
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      session.on("close", () => reject(new Error("closed")));
      const call = session.request({ ":path": "/x" });
      let answer = "";
      call.on("data", (data) => {
        answer += data;
      });
      call.on("error", reject);
      call.on("end", () => resolve(answer));
    });
  } finally {
    session.destroy();
  }
}

test.run();
