import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryApiError, type TelemetryApiErrorCode } from "./errors.js";
import { type EventKind, eventKinds } from "./event-kinds.js";
import { ContainerEventView, Expression_ExpressionType, SampleRateType, SubscriptionSchema } from "./messages.js";
import { type EventSelector, type SubscriptionOptions, subscriptionFor } from "./subscription-builder.js";

test("kinds become filters of their lists, in order", () => {
  assert.equal(json([{ kind: "exec" }, { kind: "exit" }, { kind: "open" }]), {
    eventFilter: {
      processEvents: [{ type: "PROCESS_EVENT_TYPE_EXEC" }, { type: "PROCESS_EVENT_TYPE_EXIT" }],
      fileEvents: [{ type: "FILE_EVENT_TYPE_OPEN" }],
    },
  });
});

test("every kind alone makes a subscription that goes over the wire", () => {
  for (const kind of Object.keys(eventKinds) as EventKind[]) {
    const subscription = subscriptionFor([{ kind }]);
    const back = fromBinary(SubscriptionSchema, toBinary(SubscriptionSchema, subscription));
    assert.equal(toJson(SubscriptionSchema, back), toJson(SubscriptionSchema, subscription));
    assert.is(back.eventFilter?.[eventKinds[kind].list].length, kind === "container" ? 5 : 1, kind);
  }
});

test("container is all that happens to containers", () => {
  const { eventFilter } = subscriptionFor([{ kind: "container", with: { view: ContainerEventView.FULL } }]);
  assert.equal(
    eventFilter?.containerEvents.map(({ type, view }) => [type, view]),
    [1, 2, 3, 4, 5].map((type) => [type, ContainerEventView.FULL]),
  );
});

test("a condition goes into filter_expression", () => {
  const where = { type: Expression_ExpressionType.IDENTIFIER, expr: { case: "identifier", value: "symlink" } } as const;
  assert.equal(json([{ kind: "link", where }]), {
    eventFilter: {
      fileEvents: [{ type: "FILE_EVENT_TYPE_LINK", filterExpression: { type: "IDENTIFIER", identifier: "symlink" } }],
    },
  });
});

test("further fields go into the filter", () => {
  const selectors: EventSelector[] = [
    { kind: "syscall", with: { id: 59n, arg0: 3n } },
    { kind: "kernel-call-exit", with: { symbol: "do_exit", arguments: { code: "$arg1:s64" } } },
    { kind: "ticker", with: { interval: 5n } },
    { kind: "chargen" },
  ];
  assert.equal(json(selectors), {
    eventFilter: {
      syscallEvents: [{ type: "SYSCALL_EVENT_TYPE_ENTER", id: "59", arg0: "3" }],
      kernelEvents: [
        { type: "KERNEL_FUNCTION_CALL_EVENT_TYPE_EXIT", symbol: "do_exit", arguments: { code: "$arg1:s64" } },
      ],
      tickerEvents: [{ interval: "5" }],
      chargenEvents: [{ length: "72" }],
    },
  });
});

test("a oneof of a filter is given as in messages", () => {
  const sampleRate = { case: "frequency", value: 99n } as const;
  const selector: EventSelector<"performance"> = {
    kind: "performance",
    with: { sampleRateType: SampleRateType.FREQUENCY, sampleRate },
  };
  assert.equal(json([selector]), {
    eventFilter: { performanceEvents: [{ sampleRateType: "SAMPLE_RATE_TYPE_FREQUENCY", frequency: "99" }] },
  });
});

test("options become container filter, duration and modifier", () => {
  const options: SubscriptionOptions = {
    containers: { names: ["db"], imageNames: ["postgres:*"] },
    limit: 10,
    durationNanos: 5_000_000_000,
    throttle: { interval: 2n, unit: "min" },
  };
  assert.equal(json([{ kind: "fork" }], options), {
    eventFilter: { processEvents: [{ type: "PROCESS_EVENT_TYPE_FORK" }] },
    containerFilter: { names: ["db"], imageNames: ["postgres:*"] },
    forDuration: "5000000000",
    modifier: { throttle: { interval: "2", intervalType: "MINUTE" }, limit: { limit: "10" } },
  });
  assert.equal(json([{ kind: "fork" }], { throttle: { interval: 1, unit: "ms" } }), {
    eventFilter: { processEvents: [{ type: "PROCESS_EVENT_TYPE_FORK" }] },
    modifier: { throttle: { interval: "1" } },
  });
});

test("bad selectors are refused", () => {
  refused("empty_subscription", []);
  refused("unknown_kind", [{ kind: "exce" as EventKind }]);
  refused("unknown_field", [{ kind: "exec", with: { filename: "x" } }]);
  refused("unknown_field", [{ kind: "exec", with: { type: 3 } as never }]);
  refused("unknown_field", [{ kind: "exec", with: { filterExpression: {} } as never }]);
  refused("unknown_field", [{ kind: "exec", with: { constructor: 1 } as never }]);
  refused("unknown_field", [{ kind: "ticker", where: { type: Expression_ExpressionType.EQ } }]);
});

test("options out of range are refused", () => {
  for (const value of [0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, 0n, 2n ** 63n]) {
    refused("invalid_value", [{ kind: "exec" }], { limit: value });
    refused("invalid_value", [{ kind: "exec" }], { durationNanos: value });
    refused("invalid_value", [{ kind: "exec" }], { throttle: { interval: value, unit: "s" } });
  }
  for (const unit of ["", "day", "toString"]) {
    refused("invalid_value", [{ kind: "exec" }], { throttle: { interval: 1, unit: unit as "s" } });
  }
});

function json(selectors: readonly EventSelector[], options?: SubscriptionOptions): unknown {
  return toJson(SubscriptionSchema, subscriptionFor(selectors, options));
}

function refused(
  code: TelemetryApiErrorCode,
  selectors: readonly EventSelector[],
  options?: SubscriptionOptions,
): void {
  try {
    subscriptionFor(selectors, options);
  } catch (error) {
    assert.instance(error, TelemetryApiError);
    assert.is((error as TelemetryApiError).code, code);
    assert.match((error as TelemetryApiError).message, /^\w+\(.*\): .+ – .+/);
    return;
  }
  throw new Error(`not refused: ${code}`);
}

test.run();
