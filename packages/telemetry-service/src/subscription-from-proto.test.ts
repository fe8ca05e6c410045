import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { print } from "@kernscope/expression";
import { eventKinds as sensorKinds } from "@kernscope/sensor";
import {
  type EventFilterSchema,
  type EventKind,
  type EventSelector,
  Expression_ExpressionType,
  type ExpressionSchema,
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
const execOnly = { eventFilter: { processEvents: [{ type: EXEC }] } };

test("kinds, limit and duration are handed on", () => {
  const subscription = subscriptionFor([{ kind: "exec" }, { kind: "exit" }], {
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
    const rate = { events: [{ type: 3 }], sampleRateType: 1, sampleRate: { case: "period", value: 1n } };
    const subscription = subscriptionFor([{ kind, ...(kind === "performance" && { with: rate }) } as EventSelector]);
    for (const filter of read(subscription).request.filters) names.add(filter.kind);
  }
  assert.equal([...names].sort(), [...sensorKinds].sort());
});

test("fields from before there were expressions are conditions that all have to hold", () => {
  const isTrue = field("b");
  for (const [filter, expected] of [
    [{ processEvents: [{ type: EXEC, execFilename: "/bin/a" }] }, 'filename == "/bin/a"'],
    [{ processEvents: [{ type: EXEC, execFilename: "" }] }, 'filename == ""'],
    [{ processEvents: [{ type: EXEC, execFilenamePattern: "/b*" }] }, 'filename ~ "/b*"'],
    [{ processEvents: [{ type: EXIT, exitCode: 0 }] }, "code == 0"],
    [
      { processEvents: [{ type: EXEC, execFilename: "a", execFilenamePattern: "b", filterExpression: isTrue }] },
      'b && filename == "a" && filename ~ "b"',
    ],
    [
      { syscallEvents: [{ type: 1, id: 2n, arg0: 0n, arg5: 2n ** 64n - 1n }] },
      `id == 2 && arg0 == 0 && arg5 == ${2n ** 64n - 1n}`,
    ],
    [
      { syscallEvents: [{ type: 1, arg1: 1n, arg2: 2n, arg3: 3n, arg4: 4n }] },
      "arg1 == 1 && arg2 == 2 && arg3 == 3 && arg4 == 4",
    ],
    [{ syscallEvents: [{ type: 2, id: 2n, ret: -1n }] }, "id == 2 && ret == -1"],
    [{ fileEvents: [{ type: 1, filename: "/a", openFlagsMask: 3 }] }, 'filename == "/a" && flags & 3'],
    [{ fileEvents: [{ type: 2, filenamePattern: "*", createModeMask: 0o111 }] }, 'filename ~ "*" && mode & 0x49'],
    [{ networkEvents: [{ type: 1, filterExpression: isTrue }] }, "b"],
    [{ containerEvents: [{ type: 1, filterExpression: isTrue }] }, "b"],
    [{ kernelEvents: [{ type: 1, filterExpression: isTrue }] }, "b"],
    [{ userEvents: [{ type: 1, filterExpression: isTrue }] }, "b"],
  ] as [MessageInitShape<typeof EventFilterSchema>, string][]) {
    const { request, refused } = read(create(SubscriptionSchema, { eventFilter: filter }));
    assert.equal(refused, []);
    const [first] = request.filters;
    assert.is(first && "where" in first && first.where && print(first.where), expected);
  }
});

test("what filters say beside conditions", () => {
  const { request, refused } = read(
    create(SubscriptionSchema, {
      eventFilter: {
        kernelEvents: [{ type: 1, symbol: "do_exit", arguments: { code: "$arg1:s64" } }],
        userEvents: [
          { type: 2, executable: "/bin/a", symbol: "main", arguments: { r: "$retval" } },
          { type: 1, executable: "/bin/a", root: "/proc/7/root", buildId: "00ff", symbol: "main" },
        ],
        containerEvents: [{ type: 1 }, { type: 2, view: 1 }],
        performanceEvents: [
          {
            events: [{ type: 1, config: 3n }, { type: 2 }, { type: 3 }],
            sampleRateType: 1,
            sampleRate: { case: "period", value: 2n ** 60n },
          },
          { events: [{ type: 1 }], sampleRateType: 2, sampleRate: { case: "frequency", value: 99n } },
        ],
        tickerEvents: [{ interval: 5_000_000n }],
        chargenEvents: [{ length: 7n }],
      },
    }),
  );
  assert.equal(refused, []);
  assert.equal(request.filters, [
    { kind: "kernel-call.enter", symbol: "do_exit", arguments: { code: "$arg1:s64" } },
    { kind: "user-call.exit", executable: "/bin/a", symbol: "main", arguments: { r: "$retval" } },
    {
      kind: "user-call.enter",
      executable: "/bin/a",
      root: "/proc/7/root",
      buildId: "00ff",
      symbol: "main",
      arguments: {},
    },
    { kind: "container.created", view: "basic" },
    { kind: "container.running", view: "full" },
    {
      kind: "performance",
      counters: [
        { type: "hardware", config: 3n },
        { type: "hardware-cache", config: 0n },
        { type: "software", config: 0n },
      ],
      period: 2n ** 60n,
    },
    { kind: "performance", counters: [{ type: "hardware", config: 0n }], frequency: 99 },
    { kind: "chargen", length: 7 },
    { kind: "ticker", interval: 5_000_000 },
  ]);
});

test("what holds for all filters", () => {
  const of = (more: Omit<Exclude<MessageInitShape<typeof SubscriptionSchema>, Subscription>, "eventFilter">) => {
    const { filters, ...rest } = read(create(SubscriptionSchema, { ...execOnly, ...more })).request;
    assert.is(filters.length, 1);
    return rest;
  };
  assert.equal(of({}), {});
  assert.equal(of({ containerFilter: {} }), {});
  const names = { ids: ["a"], names: ["b"], imageIds: ["c"], imageNames: ["d/*"] };
  assert.equal(of({ containerFilter: names }), { containers: names });
  assert.equal(of({ sinceDuration: 5n, forDuration: 6n }), { since: 5, duration: 6 });
  const most = 2n ** 63n - 1n;
  const endless = { forDuration: most, modifier: { limit: { limit: most }, throttle: { interval: most } } };
  const { MAX_SAFE_INTEGER } = Number;
  assert.equal(of(endless), { duration: MAX_SAFE_INTEGER, limit: MAX_SAFE_INTEGER, throttle: MAX_SAFE_INTEGER });
  assert.equal(of({ forDuration: -5n, modifier: { limit: { limit: 0n } } }), { duration: -5, limit: 0 });
  for (const [intervalType, nanos] of [
    [0, 2e6],
    [1, 2e9],
    [2, 120e9],
    [3, 7200e9],
  ] as const) {
    const throttle = { interval: 2n, intervalType: intervalType as number };
    assert.equal(of({ modifier: { throttle, limit: { limit: 7n } } }), { limit: 7, throttle: nanos });
  }
});

test("a filter that is not in order is left out and told, never widened", () => {
  const { request, refused } = read(
    create(SubscriptionSchema, {
      eventFilter: {
        processEvents: [{ type: FORK }, {}, { type: EXEC, filterExpression: {} }],
        performanceEvents: [{ events: [{}] }, { sampleRateType: 1, sampleRate: { case: "frequency", value: 1n } }],
      },
    }),
  );
  assert.equal(request.filters, [{ kind: "process.fork" }]);
  assert.equal(
    refused.map(({ code, message }) => `${code} ${message}`),
    [
      "3 event_filter.process_events[1].type is not valid – give one of its enum",
      "3 event_filter.process_events[2].filter_expression: a node of type EXPRESSIONTYPE_UNSPECIFIED with nothing set – see expression.proto",
      "3 event_filter.performance_events[0].events[0].type is not valid – give one of its enum",
      "3 event_filter.performance_events[1].sample_rate is not what sample_rate_type says – set period or frequency",
    ],
  );
});

test("a subscription of which nothing is left is refused", () => {
  for (const subscription of [undefined, {}, { eventFilter: {} }, { eventFilter: { processEvents: [] } }]) {
    refusedWith(Code.InvalidArgument, /has no filter – name/, subscription);
  }
  refusedWith(Code.InvalidArgument, /process_events\[0\]\.type is not valid/, { eventFilter: { processEvents: [{}] } });
  refusedWith(Code.InvalidArgument, /process_events\[0\]/, { eventFilter: { processEvents: [{ type: 77 as never }] } });
  refusedWith(Code.InvalidArgument, /interval_type is not valid/, {
    ...execOnly,
    modifier: { throttle: { interval: 1n, intervalType: 9 as never } },
  });
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

function field(name: string): MessageInitShape<typeof ExpressionSchema> {
  return { type: Expression_ExpressionType.IDENTIFIER, expr: { case: "identifier", value: name } };
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
