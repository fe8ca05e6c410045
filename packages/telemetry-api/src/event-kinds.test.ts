import { test } from "uvu";
import * as assert from "uvu/assert";
import { TelemetryApiError } from "./errors.js";
import { type EventKindEntry, eventKind, eventKinds } from "./event-kinds.js";
import { EventFilterSchema } from "./messages.js";

test("every kind names a list of EventFilter and values of its filter's type", () => {
  for (const [name, entry] of Object.entries<EventKindEntry>(eventKinds)) {
    const filter = EventFilterSchema.field[entry.list]?.message;
    assert.ok(filter, name);
    const known = filter.field.type?.enum?.value;
    assert.is(known === undefined, entry.types === undefined, name);
    for (const type of entry.types ?? []) assert.ok(type !== 0 && known?.[type], `${name}: ${type}`);
    for (const field of Object.keys(entry.defaults ?? {})) assert.ok(filter.field[field], `${name}: ${field}`);
  }
});

test("every type of every filter has exactly one kind that is for it alone", () => {
  const entries = Object.values<EventKindEntry>(eventKinds);
  for (const { localName: list, message } of EventFilterSchema.fields) {
    const own = entries.filter((entry) => entry.list === list);
    const types = message?.field.type?.enum?.values.map(({ number }) => number).filter((number) => number !== 0);
    if (types === undefined) {
      assert.is(own.length, 1, list);
      continue;
    }
    const single = own.flatMap((entry) => (entry.types?.length === 1 ? entry.types : []));
    assert.equal(single.sort(byNumber), types.sort(byNumber), list);
  }
});

test("a known name is returned", () => {
  assert.is(eventKind("exec"), "exec");
  assert.is(eventKind("connect-result"), "connect-result");
});

test("an unknown name is refused with the nearest one and all of them", () => {
  const error = refusal("exce");
  assert.is(error.code, "unknown_kind");
  assert.match(
    error.message,
    'eventKind("exce"): there is no event of this kind – did you mean exec? The kinds are fork, ',
  );
  for (const name of Object.keys(eventKinds)) assert.match(error.message, name);
});

test("names of an object's own workings, line feeds and huge names are no kinds", () => {
  for (const name of ["constructor", "__proto__", "toString", "", "exec\nfork", "x".repeat(1_000_000)]) {
    const { message } = refusal(name);
    assert.is(message.split("\n").length, 1);
    assert.ok(message.length < 1000);
  }
});

function byNumber(left: number, right: number): number {
  return left - right;
}

function refusal(name: string): TelemetryApiError {
  try {
    eventKind(name);
  } catch (error) {
    assert.instance(error, TelemetryApiError);
    return error as TelemetryApiError;
  }
  throw new Error(`${name} was not refused`);
}

test.run();
