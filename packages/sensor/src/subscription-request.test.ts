import { test } from "uvu";
import * as assert from "uvu/assert";
import { SensorError } from "./errors.js";
import { type SubscriptionRequest, validateRequest } from "./subscription-request.js";

const refusal = (request: SubscriptionRequest): SensorError => {
  try {
    validateRequest(request);
  } catch (error) {
    assert.instance(error, SensorError);
    return error as SensorError;
  }
  return assert.unreachable() as never;
};

test("a request that is honoured whole has one status: OK", () => {
  const valid = validateRequest({ filters: [{ kind: "process.exec" }, { kind: "process.exec" }], limit: 3 });
  assert.equal([...valid.kinds], ["process.exec"]);
  assert.equal(valid.statuses, [{ code: 0, message: "" }]);
  assert.is(valid.limit, 3);
});

test("what is not served is a status, as long as something is", () => {
  const { kinds, statuses } = validateRequest({ filters: [{ kind: "process.exit" }, { kind: "file.open" }] });
  assert.equal([...kinds], ["process.exit"]);
  assert.equal(
    statuses.map(({ code }) => code),
    [12],
  );
  assert.match(statuses[0]?.message ?? "", "file.open");
});

test("a request of which nothing is served is refused, and says what is", () => {
  const { code, message } = refusal({ filters: [{ kind: "file.open" }, { kind: "ticker" }] });
  assert.is(code, "unimplemented");
  assert.match(message, /file\.open, ticker.*process\.exec/);
});

test("no filters, unknown kinds and bad numbers are refused", () => {
  assert.is(refusal({ filters: [] }).code, "invalid");
  assert.is(refusal({ filters: [{ kind: "process.dance" as "process.exec" }] }).code, "invalid");
  for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
    assert.is(refusal({ filters: [{ kind: "process.exec" }], limit: bad }).code, "invalid");
    assert.is(refusal({ filters: [{ kind: "process.exec" }], duration: bad }).code, "invalid");
    assert.is(refusal({ filters: [{ kind: "process.exec" }], queue: { events: bad } }).code, "invalid");
  }
});

test.run();
