import { join } from "node:path";
import { SensorError } from "@kernscope/sensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryService } from "./service.js";
import { endOf, type PlainResponse, subscribeByGrpcJs } from "./testing/grpc-js-client.js";
import { execEvent, exitEvent, FakeSensor, inTemporaryDirectory, until } from "./testing/index.js";

const exec = { type: "PROCESS_EVENT_TYPE_EXEC" };

test(
  "a client of the .proto files gets statuses first, then events, and a proper end",
  withService(async (sensor, path) => {
    const subscription = {
      event_filter: { process_events: [exec], file_events: [{ type: "FILE_EVENT_TYPE_OPEN" }] },
      modifier: { limit: { limit: 3 } },
    };
    const stream = subscribeByGrpcJs(path, subscription);
    const responses: PlainResponse[] = [];
    stream.on("data", (response) => responses.push(response));
    const end = endOf(stream);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["/bin/true", "é"]));
    sensor.emit(exitEvent(2, 3), execEvent(3, [], { sensorSequenceNumber: 2 ** 40 }));
    assert.is(await end, undefined);
    assert.equal(responses[0], { statuses: responses[0]?.statuses, events: [] });
    assert.equal(
      responses[0]?.statuses.map(({ code }) => code),
      [12],
    );
    const events = responses.flatMap((response) => response.events.map(({ event }) => event));
    assert.equal(
      events.map((event) => event.sensor_sequence_number),
      ["1", "2", `${2 ** 40}`],
    );
    assert.equal(events[0]?.process?.exec_command_line, ["/bin/true", "é"]);
    assert.is(events[1]?.process?.exit_status, 3);
    for (const response of responses.slice(1)) {
      assert.equal(response.statuses, []);
      for (const { publish_time_micros } of response.events) assert.ok(Number(publish_time_micros) > 1.7e15);
    }
  }),
);

test(
  "refusals have gRPC's codes",
  withService(async (_, path) => {
    for (const [subscription, code] of [
      [{}, 3],
      [{ event_filter: {} }, 3],
      [{ event_filter: { process_events: [{}] } }, 3],
      [{ event_filter: { file_events: [{ type: "FILE_EVENT_TYPE_OPEN" }] } }, 12],
      [{ event_filter: { process_events: [{ ...exec, filter_expression: {} }] } }, 3],
    ] as const) {
      const stream = subscribeByGrpcJs(path, subscription);
      stream.resume();
      const error = await endOf(stream);
      assert.is(error?.code, code, JSON.stringify(subscription));
      assert.ok((error?.details.length ?? 0) > 10, error?.details);
    }
  }),
);

test(
  "messages of refusals come as they are, whatever is in them",
  withService(async (sensor, path) => {
    for (const message of ["a: b, c? 100% – é\u{1f642}\n%41", "x".repeat(10_000)]) {
      sensor.failure = new SensorError("invalid", message);
      const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [exec] } });
      stream.resume();
      const error = await endOf(stream);
      assert.is(error?.code, 3);
      assert.is(error?.details, message.slice(0, 800));
    }
  }),
);

test(
  "a client that cancels is released",
  withService(async (sensor, path) => {
    const stream = subscribeByGrpcJs(path, { event_filter: { process_events: [exec] } });
    stream.resume();
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    const end = endOf(stream);
    stream.cancel();
    assert.is((await end)?.code, 1);
    await until(() => sensor.subscriptions.size === 0, "it is released");
  }),
);

function withService(body: (sensor: FakeSensor, path: string) => Promise<void>) {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s.sock");
    const sensor = new FakeSensor();
    const service = new TelemetryService(sensor, `unix:${path}`);
    await service.serve();
    try {
      await body(sensor, path);
    } finally {
      await service.stop();
    }
  });
}

test.run();
