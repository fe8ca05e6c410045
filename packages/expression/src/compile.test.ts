import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile, type FieldLookup } from "./compile.js";
import type { Expression } from "./expression.js";
import { conjuncts, negated } from "./negation.js";
import { parse } from "./parse.js";
import { print } from "./print.js";
import { Random } from "./testing/random.js";
import { randomExpression } from "./testing/random-expression.js";

const types = { a: "int32", b: "int64", name: "string", ok: "bool", load: "double", time: "timestamp" } as const;
type Fields = Partial<Record<string, ReturnType<FieldLookup>>>;

test("an absent field makes a condition neither true nor false", () => {
  for (const condition of [
    "a == 1",
    "a != 1",
    "a < 1",
    "a & 1",
    "(a & 1) == 0",
    "name ~ '*'",
    "name == ''",
    "ok",
    "load >= 0",
    "time != '2024-01-01T00:00:00Z'",
  ]) {
    for (const absent of [{}, { a: null, name: null, ok: null, load: null, time: null }]) {
      assert.not.ok(passes(condition, absent), condition);
      assert.not.ok(passes(`!(${condition})`, absent), `!(${condition})`);
      assert.ok(passes(`${condition} || b == 1`, { ...absent, b: 1 }));
      assert.not.ok(passes(`!(${condition} && b == 1)`, { ...absent, b: 1 }));
      assert.ok(passes(`!(${condition} && b == 1)`, { ...absent, b: 2 }));
    }
  }
  assert.ok(passes("a is null", {}));
  assert.ok(passes("!(a is not null)", { a: null }));
  assert.ok(passes("a is not null && !(a is null)", { a: 0 }));
  assert.ok(passes("name is not null", { name: "" }));
  assert.ok(passes("ok is not null && !ok", { ok: false }));
});

test("bools, doubles and times", () => {
  assert.ok(passes("ok && ok == true && ok != false && !(ok == false)", { ok: true }));
  assert.not.ok(passes("ok", { ok: false }));
  assert.ok(passes("load > 0.5 && load <= 1e3 && load == 0.75", { load: 0.75 }));
  assert.ok(passes("load == 3 && load != 0.5", { load: 3 }));
  const noon = 1_709_208_000_000_000_000n;
  assert.ok(passes("time == '2024-02-29T12:00:00Z' && time < '2024-02-29T12:00:00.000000001Z'", { time: noon }));
  assert.ok(passes("time > '1970-01-01T00:00:00Z'", { time: 1 }));
});

test("64 bits are exact, as number and as bigint", () => {
  assert.ok(passes("b == 9007199254740993", { b: 9007199254740993n }));
  assert.not.ok(passes("b == 9007199254740993", { b: 9007199254740992n }));
  assert.ok(passes("b > 9007199254740992", { b: 9007199254740993n }));
  assert.ok(passes("b == 5 && !(b != 5)", { b: 5n }));
  assert.ok(passes("b == 5", { b: 5 }));
  assert.ok(passes("b & 0x100000000", { b: 2 ** 32 + 1 }));
  assert.not.ok(passes("b & 0x100000000", { b: 2 ** 33 + 1 }));
  assert.ok(passes("b & 0x4000000000000000", { b: -1 }));
  assert.ok(passes("(b & 0xffffffff00000000) == 0x100000000", { b: 2 ** 32 + 7 }));
});

test("pushing negations down and cutting an expression in parts keep its meaning", () => {
  const random = new Random(9);
  const numbers = [0, 1, -1, 127, 255, 2 ** 31 - 1, -(2 ** 31), undefined];
  for (let round = 0; round < 2000; round++) {
    const tree = randomExpression(random, 3, { types, withNull: true });
    const opposite = compile(negated(tree), types);
    const denied = compile({ type: "not", operand: tree }, types);
    const whole = compile(tree, types);
    const parts = conjuncts(tree).map((part) => compile(part, types));
    for (let attempt = 0; attempt < 8; attempt++) {
      const fields: Fields = {
        a: random.pick(numbers),
        b: random.pick(numbers),
        name: random.pick(["", "a", "ab", "é", undefined]),
        ok: random.pick([true, false, undefined]),
        load: random.pick([0, 0.5, -1, undefined]),
        time: random.pick([0n, 1n, undefined]),
      };
      const lookup: FieldLookup = (name) => fields[name];
      const text = `${print(tree)} of ${Object.values(fields).join()}`;
      assert.is(whole(lookup), truth(tree, fields) === true, text);
      assert.is(denied(lookup), truth(tree, fields) === false, text);
      assert.is(opposite(lookup), denied(lookup), text);
      assert.is(
        parts.every((part) => part(lookup)),
        whole(lookup),
        text,
      );
    }
  }
});

/** The three-valued logic of SQL, by the book; tests of single fields by the evaluator. */
function truth(node: Expression, fields: Fields): boolean | undefined {
  if (node.type === "not") {
    const inner = truth(node.operand, fields);
    return inner === undefined ? undefined : !inner;
  }
  if (node.type === "and" || node.type === "or") {
    const values = node.operands.map((operand) => truth(operand, fields));
    const decisive = node.type === "or";
    if (values.includes(decisive)) return decisive;
    return values.includes(undefined) ? undefined : !decisive;
  }
  if (compile(node, types)((name) => fields[name])) return true;
  return node.type !== "isNull" && node.type !== "isNotNull" && fields[fieldOf(node)] === undefined ? undefined : false;
}

function fieldOf(node: Expression): string {
  if (node.type === "identifier") return node.name;
  return "left" in node ? fieldOf(node.left) : "";
}

function passes(text: string, fields: Fields): boolean {
  return compile(parse(text, types), types)((name) => fields[name]);
}

test.run();
