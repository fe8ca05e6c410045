import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "./compile.js";
import { ExpressionError, type ExpressionErrorCode } from "./errors.js";
import { explain } from "./explain.js";
import { compare, type Expression, identifier, like, masked, not, value } from "./expression.js";
import type { FieldTypes } from "./field-types.js";
import { toKernelFilter } from "./kernel-filter.js";
import { limits } from "./limits.js";
import { validate } from "./validate.js";

const types = {
  name: "string",
  flags: "int32",
  wide: "uint64",
  ok: "bool",
  load: "double",
  time: "timestamp",
} as const;
const ok = identifier("ok");

test("what parse cannot make is refused, too", () => {
  refused(value("bool", true), "type", /value is no condition/);
  refused(identifier("flags"), "type", /int32/);
  refused(identifier("constructor"), "unknown_field", /constructor/);
  refused(compare("flags", "int64", "eq", 1), "type", /int64, and the field is int32.*one of type int32/);
  refused(compare("flags", "int32", "eq", 2 ** 31), "range", /int32/);
  refused(compare("flags", "int32", "eq", 1.5), "range", /exact integer/);
  refused(compare("wide", "uint64", "eq", 2 ** 60), "range", /exact integer/);
  refused(compare("wide", "uint64", "eq", -1n), "range", /uint64/);
  refused(compare("flags", "int32", "eq", "1"), "range", /exact integer/);
  refused(compare("ok", "bool", "eq", 1), "range", /no bool/);
  refused(compare("ok", "bool", "lt", true), "type", /no order/);
  refused(compare("load", "double", "eq", Number.NaN), "range", /finite/);
  refused(compare("time", "timestamp", "eq", 10n ** 30n), "range", /years/);
  refused(compare("name", "string", "eq", "a\0"), "range", /NUL/);
  refused(compare("name", "string", "eq", "\ud800"), "range", /half a character/);
  refused(like("flags", "a"), "type", /strings/);
  refused(masked("name", "string", 3), "type", /integers/);
  refused({ type: "lt", left: masked("flags", "int32", 3), right: value("int32", 1) }, "type", /no order/);
  refused({ type: "eq", left: value("int32", 1), right: identifier("flags") }, "type", /at the left/);
  refused({ type: "eq", left: identifier("flags"), right: identifier("flags") }, "type", /at the right/);
  refused({ type: "isNull", operand: not(ok) }, "type", /at the left/);
  refused({ type: "and", operands: [ok] }, "type", /two operands/);
  refused({ type: "xor", left: ok, right: ok } as unknown as Expression, "type", /xor/);
  refused({ type: "eq", left: ok } as unknown as Expression, "type", /undefined/);
  refused({ type: "not", operand: null } as unknown as Expression, "type", /undefined/);
  refused({ type: "identifier", name: 3 } as unknown as Expression, "type", /identifier/);
});

test("expression bomb: what is too deep or too large is refused before it costs anything", () => {
  const deep = (levels: number) => {
    let tree: Expression = ok;
    for (let level = 1; level < levels; level++)
      tree = level % 2 === 0 ? not(tree) : { type: "or", operands: [tree, ok] };
    return tree;
  };
  validate(deep(limits.depth), types);
  refused(deep(limits.depth + 1), "limit", /deeper than 32/);
  refused(deep(100_000), "limit", /deeper than 32/);
  const wide = (operands: number): Expression => ({ type: "and", operands: Array(operands).fill(ok) });
  validate(wide(limits.nodes / 2), types);
  refused(wide(limits.nodes / 2 + 1), "limit", /1024 nodes/);
  refused(wide(1_000_000), "limit", /1024 nodes/);
  // The same node again and again: 2^32 nodes for whoever walks the tree.
  let doubled: Expression = ok;
  for (let level = 2; level < limits.depth; level++) doubled = { type: "or", operands: [doubled, doubled] };
  refused(doubled, "limit", /1024 nodes/);
  // However large it is, no more of it is looked at.
  let looks = 0;
  const endless = {
    get type() {
      looks++;
      return "or";
    },
    get operands() {
      return [endless, endless];
    },
  } as unknown as Expression;
  refused(endless, "limit", /1024 nodes|deeper than 32/);
  assert.ok(looks < 20 * limits.nodes, `${looks} looks`);
  const loop = { type: "not" } as { type: "not"; operand: Expression };
  loop.operand = loop;
  refused(loop, "limit", /deeper than 32/);
  refused(compare("name", "string", "eq", "é".repeat(8193)), "limit", /16384 bytes/);
  refused(compare("name", "string", "eq", "a".repeat(1e7)), "limit", /16384 bytes/);
  refused(like("name", "é".repeat(128)), "limit", /255 bytes/);
});

test("what was put together from valid trees is compiled and translated, and not without bounds", () => {
  let deepest: Expression = ok;
  for (let level = 1; level < limits.depth; level++) deepest = not(deepest);
  const widest: Expression = { type: "and", operands: Array(limits.nodes / 2).fill(ok) };
  const joined: Expression = { type: "or", operands: [deepest, widest, widest] };
  refused(joined, "limit", /deeper than 32|1024 nodes/);
  assert.ok(compile(joined, types)(() => true));
  toKernelFilter(joined, types);
  let bomb: Expression = ok;
  for (let level = 2; level < limits.depth; level++) bomb = { type: "or", operands: [bomb, bomb] };
  for (const take of [compile, toKernelFilter]) assert.throws(() => take(bomb, types), /more than 8192 nodes/);
  for (let level = 0; level < 10_000; level++) bomb = not(bomb);
  for (const take of [compile, toKernelFilter]) assert.throws(() => take(bomb, types), /deeper than 64/);
});

test("whoever takes a tree validates it", () => {
  const bad = compare("flags", "int64", "eq", 1);
  for (const take of [compile, toKernelFilter, explain] as ((tree: Expression, types: FieldTypes) => unknown)[]) {
    assert.throws(
      () => take(bad, types),
      (error: unknown) => error instanceof ExpressionError,
    );
  }
});

function refused(tree: Expression, code: ExpressionErrorCode, message: RegExp): void {
  try {
    validate(tree, types);
  } catch (error) {
    assert.instance(error, ExpressionError);
    assert.is((error as ExpressionError).code, code, String(error));
    assert.match((error as ExpressionError).message, message);
    assert.is((error as ExpressionError).position, undefined);
    return;
  }
  assert.unreachable(`not refused: ${message}`);
}

test.run();
