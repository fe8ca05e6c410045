import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mendAuthority, withoutAcknowledgement } from "./http2-authority.js";
import { enveloped, getEventsPath, grpcHeaders, grpcRequest } from "./testing/grpc-request.js";
import { execEvent, until } from "./testing/index.js";
import { generator } from "./testing/mutations.js";
import { withService } from "./testing/with-service.js";

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const HEADERS = 1;
const SETTINGS = 4;
const END_HEADERS = 4;
const END_STREAM = 1;
const ACK = 1;

test(
  "over a UNIX socket a client's target may be a path, on every request of a connection",
  withService(async ({ path }) => {
    const targets = ["/run/s.sock", "unix:/var/run/s.sock", "unix:///s", "//", "/"];
    for (const authority of [...targets, "%2Frun%2Fs.sock", "localhost", "a:b:c", `/${"x/-_Z".repeat(60)}`]) {
      const session = connectHttp2("http://localhost", { createConnection: () => connect(path) });
      for (let i = 0; i < 3; i++) {
        const stream = session.request({ ...grpcHeaders, ":authority": authority });
        stream.end(enveloped(Buffer.alloc(0)));
        const [headers] = await once(stream, "response");
        assert.is(headers["grpc-status"], "3", `INVALID_ARGUMENT: ${authority}`);
      }
      session.destroy();
    }
  }),
);

test(
  "a client that waits for the server's settings is told them, and asks then",
  withService(async ({ sensor, service, path }) => {
    for (const pause of [0, 1500]) {
      const client = new RawClient(connect(path));
      client.send(PREFACE, frame(SETTINGS, 0, Buffer.alloc(0)));
      await until(() => client.frames.some(({ type }) => type === SETTINGS), "it is told the settings");
      client.send(frame(SETTINGS, ACK, Buffer.alloc(0)));
      await new Promise((resolve) => setTimeout(resolve, pause));
      const subscription = grpcRequest({ eventFilter: { processEvents: [{ type: 2 }] } });
      client.send(frame(HEADERS, END_HEADERS, headersOf(pause === 0 ? "/run/s.sock" : "localhost"), 1));
      client.send(frame(0, END_STREAM, subscription, 1));
      await until(() => service.streams === 1, "it has subscribed");
      sensor.emit(execEvent(1, ["marker"]));
      await until(() => client.text().includes("marker"), "it gets events");
      assert.is(client.frames.filter(({ type, flags }) => type === SETTINGS && flags === ACK).length, 1);
      client.socket.destroy();
      await until(() => service.streams === 0, "it is released");
    }
  }),
);

test("bytes that are no frames are left as they are long, and nothing is thrown", () => {
  const draw = generator(7);
  for (let i = 0; i < 20_000; i++) {
    const head = [0, 0, draw(60), draw(10), draw(256), 0, 0, 0, draw(4)];
    const bytes = Buffer.from([...PREFACE, ...head, ...Array.from({ length: draw(80) }, () => draw(256))]);
    const { length } = bytes;
    mendAuthority(bytes);
    assert.is(bytes.length, length);
    assert.ok(bytes.subarray(0, PREFACE.length).equals(PREFACE));
    const rest = withoutAcknowledgement(bytes);
    assert.ok(rest === undefined || rest.length < length);
  }
});

/** A client that sends frames as they are given. */
class RawClient {
  readonly socket: Socket;
  readonly frames: { type: number; flags: number }[] = [];
  #came = Buffer.alloc(0);
  #read = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#came = Buffer.concat([this.#came, chunk]);
      while (this.#read + 9 <= this.#came.length) {
        const end = this.#read + 9 + this.#came.readUIntBE(this.#read, 3);
        if (end > this.#came.length) break;
        this.frames.push({ type: this.#came.readUInt8(this.#read + 3), flags: this.#came.readUInt8(this.#read + 4) });
        this.#read = end;
      }
    });
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  text(): string {
    return this.#came.toString("latin1");
  }
}

function frame(type: number, flags: number, payload: Buffer, stream = 0): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Compressed headers of a call by gRPC, none of their texts packed. */
function headersOf(authority: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86]),
    Buffer.from([0x44]),
    text(getEventsPath),
    Buffer.from([0x41]),
    text(authority),
    Buffer.from([0x5f]),
    text("application/grpc"),
    Buffer.from([0x40]),
    text("te"),
    text("trailers"),
  ]);
}

test.run();
