import { spawn } from "node:child_process";
import { once } from "node:events";
import { print } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ask } from "../testing/http-client.js";
import { execEvent, until } from "../testing/index.js";
import { withService } from "../testing/with-service.js";

const exec = { subscription: { eventFilter: { processEvents: [{ type: "PROCESS_EVENT_TYPE_EXEC" }] } } };
const limited = JSON.stringify({ subscription: { ...exec.subscription, modifier: { limit: { limit: "2" } } } });
const withCurl = requires({ programs: ["/usr/bin/curl"] });

withCurl(
  "curl -N -d: a line of statuses, a line for each event, and an end",
  withService(async ({ sensor, service, path }) => {
    for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
      const args = ["-sSN", version, "--unix-socket", path, "http://localhost/v0/events", "-d", limited];
      const curl = spawn("/usr/bin/curl", args);
      let text = "";
      curl.stdout.on("data", (data) => {
        text += data;
      });
      const closed = once(curl, "close");
      await until(() => service.streams === 1, "it has subscribed");
      await until(() => text !== "", "the statuses are there before any event");
      sensor.emit(execEvent(1, ["/bin/true", "a\nb"]), execEvent(2, ["é"]));
      assert.is((await closed)[0], 0);
      const [first, ...events] = lines(text);
      assert.equal(first, { statuses: [{ code: 0, message: "" }] });
      assert.equal(
        events.map((event) => [event.id, event.commandLine]),
        [
          ["fake-1", ["/bin/true", "a\nb"]],
          ["fake-2", ["é"]],
        ],
      );
    }
  }),
);

test(
  "what is refused has a status of HTTP and of gRPC, and says what to do",
  withService(async ({ sensor, path }) => {
    for (const [body, status, code] of [
      ["", 400, 3],
      ["[]", 400, 3],
      ["{", 400, 3],
      ["{}", 400, 3],
      ['{"subscription":{"eventFilter":{"processEvents":[{"type":"NO_SUCH"}]}}}', 400, 3],
      ['{"subscription":{"eventFilter":{"fileEvents":[{"type":"FILE_EVENT_TYPE_OPEN"}]}}}', 501, 12],
      [`${" ".repeat(64 * 1024)}{}`, 429, 8],
      [`{"a":${"[".repeat(60_000)}`, 400, 3],
      [`{"subscription":{"eventFilter":{"processEvents":[{"filterExpression":${'{"unaryOp":'.repeat(5000)}`, 400, 3],
    ] as const) {
      const answer = await ask({ socketPath: path, path: "/v0/events" }, body);
      const error = JSON.parse(await answer.end);
      assert.is(answer.status, status, `${body.slice(0, 60)}: ${error.message}`);
      assert.is(error.code, code);
      assert.ok(error.message.length > 10);
    }
    for (const [query, words] of [
      ["", "select is missing"],
      ["select=exek", "did you mean exec"],
      ["select=exec&limit=0", "limit=0"],
      ["select=exec&foo=1", "foo: unknown"],
      ["select=exec where nothing == 1", "nothing"],
      ["select=exec where filename", "filename"],
      ["select=exec where", "no event of this kind"],
    ] as const) {
      const answer = await ask({ socketPath: path, path: `/v0/events?${query.replaceAll(" ", "+")}` });
      assert.is(answer.status, 400, query);
      assert.ok((await answer.end).includes(words), query);
    }
    const put = await ask({ socketPath: path, path: "/v0/events", method: "PUT" }, "");
    assert.is(put.status, 405);
    assert.is(sensor.requests.length, 1, "what is malformed does not get as far as the sensor");
  }),
);

test(
  "unknown fields do not disturb",
  withService(async ({ service, path }) => {
    const body = JSON.stringify({ ...exec, later: { a: [1] }, subscription: { ...exec.subscription, newer: true } });
    const answer = await ask({ socketPath: path, path: "/v0/events" }, body);
    assert.is(answer.status, 200);
    await until(() => service.streams === 1, "it has subscribed");
    answer.destroy();
    await until(() => service.streams === 0, "it is released");
  }),
);

test(
  "server-sent events: statuses, events with their ids, and an end",
  withService(async ({ sensor, service, path }) => {
    const answer = await ask({ socketPath: path, path: "/v0/events?select=exec,exit&limit=2" });
    assert.is(answer.status, 200);
    assert.is(answer.headers["content-type"], "text/event-stream");
    await until(() => service.streams === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["a\nb"]), execEvent(2, ["c"]));
    const [statuses, ...rest] = messages(await answer.end);
    assert.equal(statuses, { event: "statuses", data: { statuses: [{ code: 0, message: "" }] }, retry: "2000" });
    assert.equal(
      rest.map(({ event, id, data }) => [event, id, data.commandLine]),
      [
        [undefined, "fake-1", ["a\nb"]],
        [undefined, "fake-2", ["c"]],
        ["end", undefined, undefined],
      ],
    );
    assert.equal(rest[2]?.data, { code: 0, message: "" });
  }),
);

test(
  "what of select is not understood, or not served, is told by a status each; the rest is served",
  withService(async ({ sensor, service, path }) => {
    const query = new URLSearchParams([
      ["select", "exec,performance,exek,open"],
      ["select", "exit where filename"],
      ["limit", "1"],
    ]);
    const answer = await ask({ socketPath: path, path: `/v0/events?${query}` });
    assert.is(answer.status, 200);
    await until(() => service.streams === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["a"]));
    const [first, event] = messages(await answer.end);
    const { statuses } = first?.data ?? {};
    assert.equal(
      statuses.map(({ code, message }: { code: number; message: string }) => `${code} ${message.split(" ")[0]}`).sort(),
      ["12 file.open:", "3 select=exek:", "3 select=exit:", "3 select=performance:"],
    );
    assert.is(event?.id, "fake-1");
    assert.equal(
      sensor.requests[0]?.filters.map(({ kind }) => kind),
      ["process.exec", "file.open"],
    );
  }),
);

test(
  "select takes conditions and containers",
  withService(async ({ sensor, path }) => {
    const query = new URLSearchParams([
      ["select", 'exec where filename ~ "*sh,*"'],
      ["select", "exit,fork"],
      ["container", "abc"],
      ["seconds", "3"],
    ]);
    const answer = await ask({ socketPath: path, path: `/v0/events?${query}` });
    assert.is(answer.status, 200);
    const [request] = sensor.requests;
    const { queue: _, filters = [], ...rest } = request ?? {};
    assert.equal(
      filters.map((filter) => [filter.kind, "where" in filter && filter.where ? print(filter.where) : ""]),
      [
        ["process.exec", 'filename ~ "*sh,*"'],
        ["process.exit", ""],
        ["process.fork", ""],
      ],
    );
    assert.equal(rest, { containers: { ids: ["abc"], names: [], imageIds: [], imageNames: [] }, duration: 3e9 });
    answer.destroy();
  }),
);

test(
  "a client that comes again is told what it missed",
  withService(async ({ sensor, path }) => {
    sensor.events = 12;
    const missed = async (lastEventId: string) => {
      const head = { "last-event-id": lastEventId };
      const answer = await ask({ socketPath: path, path: "/v0/events?select=exec", headers: head });
      await until(() => answer.text().includes("event: missed"), "it is told");
      answer.destroy();
      return messages(answer.text()).find(({ event }) => event === "missed")?.data;
    };
    const { message, ...some } = await missed("fake-7");
    assert.equal(some, {
      lastEventId: "fake-7",
      sensorId: "fake",
      upTo: 5,
      firstSequenceNumber: 8,
      lastSequenceNumber: 12,
    });
    assert.ok(message);
    assert.is((await missed("fake-12")).upTo, 0);
    for (const other of ["other-7", "fake-13", "fake-x", "nonsense", "-"]) {
      assert.match((await missed(other)).message, /began anew/);
    }
  }),
);

test(
  "what waits for a client when it comes again is delivered, and not called missed",
  withService(
    async ({ sensor, service, path }) => {
      const follow = (headers = {}) => ask({ socketPath: path, path: "/v0/events?select=exec", headers });
      const emit = (count: number) =>
        sensor.emit(...Array.from({ length: count }, () => execEvent(++sensor.events, ["a"])));
      const first = await follow();
      await until(() => service.streams === 1, "it has subscribed");
      // Behind so many a feed pauses.
      emit(1000);
      await until(() => first.text().includes("fake-1000\n"), "it got them");
      emit(5);
      const second = await follow({ "last-event-id": "fake-900" });
      // Where the machine is slow the feed did not wait for it.
      emit(1);
      await until(() => second.text().includes("fake-1006\n"), "it is up to date");
      const [, missed, event] = messages(second.text());
      assert.is(missed?.event, "missed");
      assert.is(event?.id, `fake-${missed?.data.lastSequenceNumber + 1}`);
      assert.is(missed?.data.upTo, missed?.data.lastSequenceNumber - 900);
      for (const answer of [first, second]) answer.destroy();
    },
    { limits: { batchTime: 1000 } },
  ),
);

test(
  "a client that comes again with a gap's id is not told of what the gap told",
  withService(async ({ sensor, service, path }) => {
    const follow = (headers = {}) => ask({ socketPath: path, path: "/v0/events?select=exec", headers });
    const first = await follow();
    await until(() => service.streams === 1, "it has subscribed");
    sensor.events = 100;
    const loss = { lost: 40, type: 1, cause: 5, firstSequenceNumber: 50, lastSequenceNumber: 90 };
    sensor.emit({ ...execEvent(49, []), event: { case: "lost", value: loss } });
    await until(() => first.text().includes('\ndata: {"id"'), "it is told");
    const gap = messages(first.text()).at(-1);
    assert.is(gap?.data.id, "fake-49");
    assert.is(gap?.id, "fake-90");
    const second = await follow({ "last-event-id": String(gap?.id) });
    await until(() => second.text().includes("event: missed"), "it is told");
    assert.is(messages(second.text())[1]?.data.firstSequenceNumber, 91);
    for (const answer of [first, second]) answer.destroy();
  }),
);

test(
  "a service that stops tells its clients that they should come again",
  withService(async ({ sensor, service, path }) => {
    const events = await ask({ socketPath: path, path: "/v0/events?select=exec" });
    const limited = await ask({ socketPath: path, path: "/v0/events?select=exec&limit=1" });
    const inLines = await ask({ socketPath: path, path: "/v0/events" }, JSON.stringify(exec));
    await until(() => service.streams === 3, "all have subscribed");
    sensor.emit(execEvent(1, ["a"]));
    assert.equal(messages(await limited.end).at(-1)?.data, { code: 0, message: "" });
    await service.stop();
    const end = messages(await events.end).at(-1);
    assert.is(end?.event, "end");
    assert.is(end?.data.code, 14);
    assert.match(end?.data.message, /about to stop/);
    const [, event, last] = lines(await inLines.end);
    assert.equal([event.id, last], ["fake-1", { error: end?.data }]);
  }),
);

test(
  "pages of other origins get nothing, unless they were named",
  withService(
    async ({ path }) => {
      const get = (origin: string, more: object = {}) =>
        ask({ socketPath: path, path: "/v0/events?select=exec&seconds=1", headers: { origin }, ...more });
      const refused = await get("https://evil.example");
      assert.is(refused.status, 403);
      assert.is(refused.headers["access-control-allow-origin"], undefined);
      const served = await get("https://good.example");
      assert.is(served.status, 200);
      assert.is(served.headers["access-control-allow-origin"], "https://good.example");
      served.destroy();
      const asked = await get("https://good.example", { method: "OPTIONS" });
      assert.is(asked.status, 204);
      assert.match(String(asked.headers["access-control-allow-headers"]), /Connect-Protocol-Version/i);
    },
    { allowOrigins: ["https://good.example"] },
  ),
);

test(
  "signs of life, and figures",
  withService(async ({ sensor, service, path }) => {
    const get = async (name: string) => {
      const answer = await ask({ socketPath: path, path: name });
      return [answer.status, await answer.end, answer.headers["content-type"]] as const;
    };
    assert.equal((await get("/healthz")).slice(0, 2), [200, "ok\n"]);
    assert.equal((await get("/readyz")).slice(0, 2), [200, "ready\n"]);
    const stream = await ask({ socketPath: path, path: "/v0/events?select=exec&limit=3" });
    await until(() => service.streams === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["a"]), execEvent(2, ["b"]), execEvent(3, ["c"]));
    await stream.end;
    const [status, text, type] = await get("/metrics");
    assert.is(status, 200);
    assert.match(String(type), /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^kernscope_stream_events_total\{kind="process\.exec"\} 3$/m);
    assert.match(text, /^kernscope_sent_events_total 3$/m);
    assert.match(text, /^kernscope_latency_seconds_count 1$/m);
    assert.is((await get("/nothing"))[0], 404);
  }),
);

// biome-ignore lint/suspicious/noExplicitAny: JSON from the service
function lines(text: string): any[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** Messages of an event stream, by their fields. */
// biome-ignore lint/suspicious/noExplicitAny: JSON from the service
function messages(text: string): { event?: string; id?: string; retry?: string; data: any }[] {
  return text
    .split("\n\n")
    .filter((message) => message !== "")
    .map((message) => {
      const fields = Object.fromEntries(message.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      return { ...fields, data: JSON.parse(fields.data ?? "null") };
    });
}

test.run();
