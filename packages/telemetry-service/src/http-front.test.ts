import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
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
const limits = { requestTime: 10_000, progressTime: 10_000, streamsPerConnection: 2, resetsPerConnection: 100 };
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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
  "an HTTP/2 connection without a stream is closed in time, whatever parts of frames it sends",
  withFront({ ...limits, requestTime: 200 }, async ({ path, front }) => {
    const settings = frame(4, 0, 0, "");
    // HEADERS without their end, and a frame that is announced and does not come.
    const unfinished = [frame(1, 0, 1, "\x82"), frame(1, 0, 1, "\x82") + frame(9, 0, 1, "\x86"), "\0\0\x40\x01"];
    const sockets = ["", settings, ...unfinished.map((rest) => settings + rest)].map((bytes) => {
      // It does not end its side either.
      const socket = connect({ path, allowHalfOpen: true }).on("error", () => {});
      socket.resume().write(Buffer.from(preface + bytes, "latin1"));
      return socket;
    });
    await until(() => front.connections === sockets.length, "they are there");
    await until(() => front.connections === 0, "none holds a place");
    for (const socket of sockets) socket.destroy();
  }),
);

test(
  "an idle HTTP/2 client is told to connect again, and one that has a stream is kept",
  withFront({ ...limits, requestTime: 200 }, async ({ path, front }) => {
    const [idle, busy] = [sessionAt(path), sessionAt(path)];
    const call = busy.request({ ":path": "/unended" });
    await once(call, "response");
    const told = once(idle, "goaway");
    await once(idle.request({ ":path": "/x" }).resume(), "close");
    assert.is((await told)[0], constants.NGHTTP2_NO_ERROR);
    if (!idle.destroyed) await once(idle, "close");
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.not(busy.closed);
    call.close();
    await until(() => front.connections === 0, "it is idle, too");
    busy.destroy();
  }),
);

for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
  test(
    `a connection that breaks off more streams than the limit, with code ${code}, is closed and told why`,
    withFront({ ...limits, resetsPerConnection: 10 }, async ({ path }) => {
      const session = sessionAt(path);
      const told = once(session, "goaway");
      let made = 0;
      for (; !session.closed && !session.destroyed && made < 5000; made++) {
        const stream = session.request({ ":path": "/unended" });
        stream.on("error", () => {});
        if (made % 2 === 0) await Promise.race([once(stream, "response"), told]).catch(() => {});
        stream.close(code);
        await new Promise(setImmediate);
      }
      assert.ok(made >= 10 && made < 5000, `${made} resets`);
      assert.is((await told)[0], constants.NGHTTP2_ENHANCE_YOUR_CALM);
      assert.is(await http2(path), "HTTP/2.0 GET /x", "others are served");
    }),
  );
}

test(
  "a connection whose streams were reset without an error is idle, too",
  withFront({ ...limits, requestTime: 200 }, async ({ path, front }) => {
    const session = sessionAt(path);
    await once(session, "remoteSettings");
    for (const method of ["GET", "HEAD", "POST"]) {
      const stream = session.request({ ":path": "/unended", ":method": method });
      if (method === "POST") stream.write("half");
      stream.on("error", () => {}).close(constants.NGHTTP2_NO_ERROR);
    }
    await until(() => front.connections === 0, "it is closed");
    session.destroy();
  }),
);

test(
  "an answer that is not taken is cut in time",
  withFront({ ...limits, progressTime: 200 }, async ({ path, front }) => {
    const session = connectHttp2("http://localhost", {
      createConnection: () => connect(path),
      settings: { initialWindowSize: 0 },
    });
    const call = session.request({ ":path": "/x" });
    call.on("error", () => {});
    await once(call, "close");
    assert.is(call.rstCode, constants.NGHTTP2_CANCEL);
    session.destroy();
    await until(() => front.connections === 0, "the first connection is gone");
    const socket = connect(path);
    socket.on("error", () => {});
    socket.pause().write("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    await until(() => front.connections === 1, "it is there");
    await until(() => front.connections === 0, "it is cut");
    socket.destroy();
  }),
);

test(
  "a time that has no whole quarter",
  withFront({ ...limits, requestTime: 10_001 }, async () => {}),
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

/** Runs a test with a front that answers with version, method and path; with much to `/big`; and to `/unended` for ever. */
function withFront(frontLimits: typeof limits, body: (parts: { path: string; front: HttpFront }) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const front = new HttpFront((request, response) => {
      request.resume();
      request.on("end", () => {
        if (request.url === "/unended") (response as ServerResponse).writeHead(200).write("…");
        else if (request.url === "/big") response.end(Buffer.alloc(32 * 1024 * 1024));
        else response.end(`HTTP/${request.httpVersion} ${request.method} ${request.url}`);
      });
    }, frontLimits);
    const server = createServer((socket) => front.accept(socket, place)).listen(path);
    await once(server, "listening");
    try {
      await body({ path, front });
    } finally {
      server.close();
      await front.close(1000);
    }
  });
}

/** Sends the pieces and returns what comes until the connection is closed. With `wait` it does not end its side. */
async function http1(path: string, pieces: readonly (string | Buffer)[], { wait = false } = {}): Promise<string> {
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

/** A frame of HTTP/2: RFC 9113, section 4.1. */
function frame(type: number, flags: number, stream: number, payload: string): string {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head.toString("latin1") + payload;
}

function sessionAt(path: string): ClientHttp2Session {
  const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
  return session.on("error", () => {});
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
