import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventKinds } from "./event-kinds.js";
import { fieldTypes } from "./field-types.js";
import { ValueType } from "./gen/capsule8/api/v0/expression_pb.js";
import { EventFilterSchema } from "./gen/capsule8/api/v0/subscription_pb.js";

test("every kind has an entry, and those whose filters take a condition, and no others, have fields", () => {
  assert.equal(Object.keys(fieldTypes), Object.keys(eventKinds));
  for (const [kind, fields] of Object.entries(fieldTypes)) {
    const { list } = eventKinds[kind as keyof typeof eventKinds];
    const filter = EventFilterSchema.field[list].message;
    const takesCondition = filter?.field.filterExpression !== undefined;
    // Fields of function calls have the names that the subscriber gives them.
    const namesItsFields = filter?.field.arguments !== undefined;
    assert.is(Object.keys(fields).length > 0, takesCondition && !namesItsFields, kind);
  }
});

test("names are those that a kernel's field may have, types those of values", () => {
  const types = Object.keys(ValueType).map((name) => name.toLowerCase().replace("sint", "int"));
  for (const fields of Object.values(fieldTypes)) {
    for (const [name, type] of Object.entries(fields)) {
      assert.match(name, /^[a-z][a-z0-9_]*$/);
      assert.ok(types.includes(type), `${name}: ${type}`);
    }
  }
});

test.run();
