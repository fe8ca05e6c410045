import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { eventKinds as sensorKinds } from "@kernscope/sensor";
import {
  type EventKind,
  type EventSelector,
  eventKinds,
  ProcessEventType,
  type Subscription,
  SubscriptionSchema,
  subscriptionFor,
} from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { subscriptionFromProto } from "./subscription-from-proto.js";

const { FORK, EXEC, EXIT } = ProcessEventType;

test("kinds, limit and duration are handed on", () => {
  const subscription = subscriptionFor([{ kind: "exec" }, { kind: "exit" }, { kind: "exec" }], {
    limit: 3,
    durationNanos: 5_000_000_000,
  });
  assert.equal(read(subscription), {
    request: {
      filters: [{ kind: "process.exec" }, { kind: "process.exit" }],
      limit: 3,
      duration: 5_000_000_000,
    },
    refused: [],
  });
});

test("every kind of the API has a name that the sensor knows, and the sensor has no other", () => {
  const names = new Set<string>();
  for (const kind of Object.keys(eventKinds) as EventKind[]) {
    const subscription = subscriptionFor([{ kind } as EventSelector]);
    // Intervals and lengths are not served yet; here only the kind counts.
    for (const filter of subscription.eventFilter?.tickerEvents ?? []) filter.interval = 0n;
    for (const filter of subscription.eventFilter?.chargenEvents ?? []) filter.length = 0n;
    for (const filter of read(subscription).request.filters) names.add(filter.kind);
  }
  assert.equal([...names].sort(), [...sensorKinds].sort());
});

test("a filter with a condition is left out and told, never widened", () => {
  const { request, refused } = readFilters([
    { type: FORK },
    { type: EXEC, execFilename: "/bin/true" },
    { type: EXEC, execFilenamePattern: "/bin/*", filterExpression: {} },
    { type: EXIT, exitCode: 0 },
  ]);
  assert.equal(request.filters, [{ kind: "process.fork" }]);
  assert.equal(
    refused.map(({ code, message }) => `${code} ${message}`),
    [
      "12 event_filter.process_events[1].exec_filename (process.exec): not served yet, the filter is left out",
      "12 event_filter.process_events[2].filter_expression, exec_filename_pattern (process.exec): not served yet, the filter is left out",
      "12 event_filter.process_events[3].exit_code (process.exit): not served yet, the filter is left out",
    ].map((line) => line),
  );
});

test("what the stream cannot have is told", () => {
  const { request, refused } = read(
    create(SubscriptionSchema, {
      eventFilter: { processEvents: [{ type: EXEC }] },
      sinceDuration: 1n,
      modifier: { throttle: { interval: 1n } },
      containerFilter: {},
    }),
  );
  assert.equal(request, { filters: [{ kind: "process.exec" }] });
  assert.equal(
    refused.map(({ message }) => message),
    [
      "since_duration: not served yet, the stream begins with now",
      "modifier.throttle: not served yet, the stream has all events",
    ],
  );
});

test("a subscription of which nothing is left is refused", () => {
  const exec = { processEvents: [{ type: EXEC }] };
  for (const subscription of [undefined, {}, { eventFilter: {} }, { eventFilter: { processEvents: [] } }]) {
    refusedWith(Code.InvalidArgument, /has no filter – name/, subscription);
  }
  refusedWith(Code.InvalidArgument, /process_events\[0\]\.type is not valid/, { eventFilter: { processEvents: [{}] } });
  refusedWith(Code.InvalidArgument, /process_events\[0\]/, { eventFilter: { processEvents: [{ type: 77 as never }] } });
  refusedWith(Code.Unimplemented, /exec_filename .*not served/, {
    eventFilter: { processEvents: [{ type: EXEC, execFilename: "a" }] },
  });
  refusedWith(Code.InvalidArgument, /exec_filename .*; .*type is not valid/, {
    eventFilter: { processEvents: [{ type: EXEC, execFilename: "a" }, {}] },
  });
  refusedWith(Code.Unimplemented, /container_filter/, { eventFilter: exec, containerFilter: { names: ["a"] } });
  refusedWith(Code.InvalidArgument, /since_duration/, { eventFilter: exec, sinceDuration: -1n });
  refusedWith(Code.InvalidArgument, /17 filters – give 16/, {
    eventFilter: { processEvents: Array.from({ length: 17 }, () => ({ type: EXEC })) },
  });
});

test("fields that this version does not know change nothing", () => {
  const subscription = create(SubscriptionSchema, { eventFilter: { processEvents: [{ type: EXEC }] } });
  const unknown = [{ no: 9999, wireType: 0, data: new Uint8Array([1]) }];
  subscription.$unknown = unknown;
  for (const filter of subscription.eventFilter?.processEvents ?? []) filter.$unknown = unknown;
  assert.equal(read(subscription), { request: { filters: [{ kind: "process.exec" }] }, refused: [] });
});

function read(subscription: Subscription | undefined) {
  return subscriptionFromProto(subscription, 16);
}

function readFilters(
  processEvents: NonNullable<MessageInitShape<typeof SubscriptionSchema>["eventFilter"]>["processEvents"] & object,
) {
  return read(create(SubscriptionSchema, { eventFilter: { processEvents } }));
}

function refusedWith(code: Code, message: RegExp, init: MessageInitShape<typeof SubscriptionSchema> | undefined): void {
  try {
    read(init === undefined ? undefined : create(SubscriptionSchema, init));
  } catch (error) {
    assert.instance(error, ConnectError);
    assert.is((error as ConnectError).code, code);
    assert.match((error as ConnectError).rawMessage, message);
    return;
  }
  assert.unreachable(`was not refused: ${message}`);
}

test.run();
