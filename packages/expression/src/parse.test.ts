import { test } from "uvu";
import * as assert from "uvu/assert";
import { ExpressionError, type ExpressionErrorCode } from "./errors.js";
import type { Expression } from "./expression.js";
import type { FieldTypes } from "./field-types.js";
import { limits } from "./limits.js";
import { parse } from "./parse.js";
import { print } from "./print.js";
import { Random } from "./testing/random.js";
import { randomExpression } from "./testing/random-expression.js";

const types = {
  name: "string",
  flags: "int32",
  small: "uint8",
  wide: "int64",
  address: "uint64",
  ok: "bool",
  load: "double",
  time: "timestamp",
  is: "bool",
  null: "bool",
  true: "bool",
} as const satisfies FieldTypes;

test("operators bind as in C", () => {
  same("ok && ok || ok && ok", "(ok && ok) || (ok && ok)");
  same("ok || ok && ok", "ok || (ok && ok)");
  same("!ok && ok", "(!ok) && ok");
  same("!(flags == 1) || flags & 2 && ok", "(!(flags == 1)) || ((flags & 2) && ok)");
  same("flags&3&&flags!=3", "(flags & 3) && (flags != 3)");
  differ("ok && (ok && ok)", "ok && ok && ok");
  differ("(ok || ok) && ok", "ok || ok && ok");
});

test("values of all types", () => {
  for (const [text, printed] of [
    ["flags == 0x1F", "flags == 31"],
    ["flags == 017", "flags == 15"],
    ["flags == 0o17", "flags == 15"],
    ["flags == -2147483648", "flags == -2147483648"],
    ["flags == -0x10", "flags == -16"],
    ["flags == -0", "flags == 0"],
    ["flags & 0x80000000", "flags & -2147483648"],
    ["(flags & 077) != 010", "(flags & 0x3f) != 8"],
    ["small & 10", "small & 0xa"],
    ["wide == 9223372036854775807", "wide == 9223372036854775807"],
    ["wide == -9223372036854775808", "wide == -9223372036854775808"],
    ["address == 18446744073709551615", "address == 18446744073709551615"],
    ["address == 9007199254740993", "address == 9007199254740993"],
    ["ok == true || ok != false", "ok == true || ok != false"],
    ["load > 1.5e3 || load < -1", "load > 1500 || load < -1"],
    ["load == 1e-7 || load == -0", "load == 1e-7 || load == -0"],
    ['time >= "2024-02-29T13:00:00.50+01:00"', 'time >= "2024-02-29T12:00:00.5Z"'],
    ['time >= "0001-01-01T00:00:00Z"', 'time >= "0001-01-01T00:00:00Z"'],
    ['time < "1969-12-31T23:59:59.000000001Z"', 'time < "1969-12-31T23:59:59.000000001Z"'],
    ["name == 'it\\'s \"'", 'name == "it\'s \\""'],
    ['name == "\\x1b\\u{1F600}\\n\\t\\\\"', 'name == "\\x1b😀\\n\\t\\\\"'],
    ['name == "\u202e"', 'name == "\\u{202e}"'],
    ["is is null && is is not null && !is", "is is null && is is not null && !is"],
    ["true && null == true", "true && null == true"],
    [" \n ok\t", "ok"],
  ] as const) {
    assert.is(print(parse(text, types)), printed);
    assert.is(print(parse(printed, types)), printed);
  }
});

test("what is no expression is refused, at its place, with a remedy", () => {
  refused("", "syntax", 0, 0, /no condition/);
  refused("  ", "syntax", 2, 2, /no condition/);
  refused("flags", "type", 0, 5, /int32.*compare/);
  refused("flagz == 1", "unknown_field", 0, 5, /flagz.*the fields are name, flags/);
  refused("toString == 1", "unknown_field", 0, 8, /toString/);
  refused("flags = 1", "syntax", 6, 7, /write ==/);
  refused("flags == ", "syntax", 9, 9, /value is missing.*integer/);
  refused("flags == 1 flags == 2", "syntax", 11, 16, /&& or \|\|/);
  refused("flags == 1 &&", "syntax", 13, 13, /condition is missing/);
  refused("&& ok", "syntax", 0, 2, /a field should stand here/);
  refused("(ok", "syntax", 3, 3, /column 1 is open/);
  refused("(ok ok)", "syntax", 4, 6, /&& or \|\|/);
  refused("ok)", "syntax", 2, 3, /no parenthesis is open/);
  refused("3 == flags", "syntax", 0, 1, /field at the left/);
  refused("flags & 3 == 0", "syntax", 10, 12, /binds tighter.*\(flags & …\) == …/);
  refused("!flags == 1", "syntax", 7, 9, /!\(flags == …\)/);
  refused("!ok is null", "syntax", 4, 6, /!\(ok is …\)/);
  refused("(ok) == true", "syntax", 5, 7, /FIELD & MASK/);
  refused("(flags & 3) < 1", "syntax", 12, 13, /FIELD & MASK/);
  refused("flags == wide", "type", 9, 13, /int32.*integer/);
  refused("flags == 12ab", "syntax", 9, 13, /no number/);
  refused("flags == 09", "syntax", 9, 11, /no number/);
  refused("flags == 1.5", "type", 9, 12, /no integer/);
  refused("flags == 2147483648", "range", 9, 19, /-2147483648 to 2147483647/);
  refused("flags == 0x80000000", "range", 9, 19, /int32/);
  refused("small == 256", "range", 9, 12, /0 to 255/);
  refused("small == -1", "range", 9, 11, /0 to 255/);
  refused("address == 18446744073709551616", "range", 11, 31, /uint64/);
  refused("load == 1e999", "range", 8, 13, /double/);
  refused("load == .5", "syntax", 8, 9, /not understood/);
  refused('time == "yesterday"', "range", 8, 19, /2024-02-29T/);
  refused('time == "2023-02-29T00:00:00Z"', "range", 8, 30, /no time/);
  refused("flags ~ 'a'", "type", 6, 7, /strings/);
  refused("name < 'a'", "type", 0, 10, /no order/);
  refused("name & 3", "type", 7, 8, /string/);
  refused("ok is nul", "syntax", 6, 9, /ok is null/);
  refused("name == 'a", "syntax", 8, 10, /does not end/);
  refused("name == 'a\\", "syntax", 10, 11, /escape/);
  refused("name == '\\*'", "syntax", 9, 11, /backslash itself/);
  refused("name == '\\u{110000}'", "syntax", 9, 11, /escape/);
  refused("name == '\\x00'", "range", 8, 14, /NUL/);
  refused("name == '\\u{d800}'", "range", 8, 18, /half a character/);
  refused("ok ? 1", "syntax", 3, 4, /operators are/);
  refused("ok && 😀", "syntax", 6, 8, /"😀"/);
  refused("ok | ok", "syntax", 3, 4, /write \|\|/);
});

test("expression bomb: too large, in whatever way", () => {
  refused(`${" ".repeat(limits.textBytes)}ok`, "limit", 0, limits.textBytes + 2, /16384 bytes/);
  refused(`name == "${"é".repeat(8192)}"`, "limit", 0, 8202, /16384 bytes/);
  parse(`${"(".repeat(limits.depth)}ok${")".repeat(limits.depth)}`, types);
  refused(`${"(".repeat(limits.depth + 1)}ok`, "limit", limits.depth, limits.depth + 1, /32/);
  parse(`${"!".repeat(limits.depth - 1)}ok`, types);
  refused(`${"!".repeat(limits.depth)}ok`, "limit", limits.depth, limits.depth + 2, /32/);
  refused("!".repeat(limits.textBytes), "limit", limits.depth, limits.depth + 1, /32/);
  parse(
    Array(limits.nodes / 2)
      .fill("ok")
      .join("||"),
    types,
  );
  refused(
    Array(limits.nodes / 2 + 1)
      .fill("ok")
      .join("||"),
    "limit",
    2048,
    2050,
    /1024 nodes/,
  );
  parse(`name ~ "${"a".repeat(limits.patternBytes)}"`, types);
  refused(`name ~ "${"a".repeat(limits.patternBytes + 1)}"`, "limit", 7, 265, /255 bytes/);
  refused(`name ~ "${"é".repeat(128)}"`, "limit", 7, 137, /255 bytes/);
});

test("print and parse are inverse, whatever the tree", () => {
  const random = new Random(3);
  for (let round = 0; round < 5000; round++) {
    const tree = randomExpression(random, 4, { types, withNull: true });
    const text = print(tree);
    assert.equal(parse(text, types), tree, text);
    assert.is(print(parse(text, types)), text);
  }
});

test("whatever the text: an expression or an ExpressionError within it", () => {
  const random = new Random(5);
  const pieces = [
    "ok",
    "flags",
    "name",
    "==",
    "~",
    "&",
    "&&",
    "||",
    "!",
    "(",
    ")",
    " ",
    "3",
    "0x",
    "'",
    '"',
    "\\",
    "is",
    "not",
    "null",
    "-",
    "é",
    ".",
  ];
  let parsed = 0;
  for (let round = 0; round < 20_000; round++) {
    const text = Array.from({ length: random.below(9) }, () => random.pick(pieces)).join("");
    try {
      parse(text, types);
      parsed++;
    } catch (error) {
      assert.instance(error, ExpressionError, text);
      const { start, end } = (error as ExpressionError).position ?? { start: -1, end: -1 };
      assert.ok(start >= 0 && start <= end && end <= text.length, text);
    }
  }
  assert.ok(parsed > 100);
});

function tree(text: string): Expression {
  return parse(text, types);
}

function same(one: string, other: string): void {
  assert.equal(tree(one), tree(other));
}

function differ(one: string, other: string): void {
  assert.not.equal(tree(one), tree(other));
}

function refused(text: string, code: ExpressionErrorCode, start: number, end: number, message: RegExp): void {
  try {
    parse(text, types);
  } catch (error) {
    assert.instance(error, ExpressionError);
    const { position, message: said, code: given } = error as ExpressionError;
    assert.equal({ code: given, ...position }, { code, start, end }, `${text.slice(0, 80)}: ${said}`);
    assert.match(said, message);
    return;
  }
  assert.unreachable(`not refused: ${text.slice(0, 80)}`);
}

test.run();
