import { test } from "uvu";
import * as assert from "uvu/assert";
import { explain } from "./explain.js";
import { compare, identifier, like, or } from "./expression.js";
import { compileGlob } from "./glob.js";
import { type KernelFilterOptions, toKernelFilter } from "./kernel-filter.js";
import { limits } from "./limits.js";
import { parse } from "./parse.js";
import { print } from "./print.js";
import { Random } from "./testing/random.js";

const types = {
  name: "string",
  flags: "int32",
  wide: "uint64",
  ok: "bool",
  load: "double",
  cwd: "string",
  time: "timestamp",
} as const;

test("the AND-parts that the kernel can do go there, the rest stays", () => {
  cut('name ~ "/etc/*" && flags == 3', 'name ~ "/etc/*" && flags == 3', undefined);
  cut("flags == 3 && load > 0.5 && wide != 1", "flags == 3 && wide != 1", "load > 0.5");
  cut("load > 0.5 && cwd is null", undefined, "load > 0.5 && cwd is null");
  cut("flags == 3 && (load > 0.5 || wide == 1)", "flags == 3", "load > 0.5 || wide == 1");
  cut("!(flags == 3 || load > 0.5)", "flags != 3", "load <= 0.5");
  cut("(flags == 3 && (wide == 1 && cwd is not null))", "flags == 3 && wide == 1", "cwd is not null");
  cut("!!(flags < 3 && ok)", "flags < 3 && ok != 0", undefined);
  cut("time > '2024-01-01T00:00:00Z' && !ok", "ok == 0", 'time > "2024-01-01T00:00:00Z"');
});

test("the kernel's text has its own form", () => {
  cut("flags & 3", "flags & 3", undefined);
  cut("(flags & 3) != 0", "flags & 3", undefined);
  cut("(flags & 3) == 0", "!(flags & 3)", undefined);
  cut("(flags & 7) == 5", "flags & 1 && flags & 4 && !(flags & 2)", undefined);
  cut("(flags & 7) != 5", "(!(flags & 1) || !(flags & 4) || flags & 2)", undefined);
  cut("flags & 0x80000000", "flags & -2147483648", undefined);
  cut("flags == 1 || ok && flags != 2", "(flags == 1 || (ok != 0 && flags != 2))", undefined);
  cut('!(name ~ "a*")', '!(name ~ "a*")', undefined);
  cut("wide <= 18446744073709551615", "wide <= 18446744073709551615", undefined);
});

test("what the kernel would take for something else never gets there", () => {
  cut("name == '\"'", "name == '\"'", undefined);
  cut('name == "\'"', 'name == "\'"', undefined);
  stays("name == '\\'\"'", /both kinds of quotes/);
  stays("name == 'a\\nb'", /control character/);
  stays(`name == '${"a".repeat(256)}'`, /255 bytes/);
  stays(`name ~ '*${"a".repeat(254)}'`, /255 bytes/);
  stays("name ~ 'a[!b]'", /\[!/);
  stays("(flags & 1) == 2", /no value/);
  stays("(flags & 0) == 0", /empty mask/);
  stays("(wide & 0x1ffff) == 0x1ffff", /16 bits/);
});

test("fields by the names and types that the kernel has for them", () => {
  const fields: KernelFilterOptions["fields"] = {
    name: "filename.ustring",
    cwd: null,
    flags: { name: "long_flags", type: "int64" },
    wide: { name: "narrow", type: "uint32" },
    ok: { name: "is_ok", type: "uint8" },
  };
  cut("name == 'a' && flags == -1 && ok", 'filename.ustring == "a" && long_flags == -1 && is_ok != 0', undefined, {
    fields,
  });
  cut("cwd == 'a' && flags == 1", "long_flags == 1", 'cwd == "a"', { fields });
  stays("cwd == 'a'", /record has no cwd/, { fields });
  stays("wide == 1", /uint32 in the kernel/, { fields });
  stays("flags == 1", /uint64 in the kernel/, { fields: { flags: { name: "flags", type: "uint64" } } });
  assert.throws(
    () => toKernelFilter(identifier("ok"), types, { fields: { ok: "a) || (b" } }),
    /no name of a kernel's field/,
  );
});

test("text injection into filter files: what the kernel reads is the text that was given, or stays here", () => {
  const random = new Random(5);
  let made = 0;
  for (let round = 0; round < 100_000; round++) {
    const text = Array.from({ length: random.below(8) }, () =>
      random.pick([..."\"'\\\n\t\0 |&=~()ab\u00e9\u{1f600}", String.fromCharCode(random.below(256))]),
    ).join("");
    const condition = random.below(2) === 0 ? compare("name", "string", "eq", text) : like("name", text);
    let filter: string | undefined;
    try {
      filter = toKernelFilter(condition, { name: "string" }).filter;
    } catch (error) {
      assert.ok(text.includes("\0") || /\p{Surrogate}/u.test(text), `${JSON.stringify(text)}: ${error}`);
      continue;
    }
    if (filter === undefined) continue;
    made++;
    // As the kernel reads it (parse_pred): up to the next quote of the kind that it began with, with no escapes.
    const [, sign, quote = "", rest = ""] = /^name (==|~) (["'])(.*)$/s.exec(filter) ?? [];
    assert.is(rest.indexOf(quote), rest.length - 1, filter);
    assert.not.match(rest, /\p{Cc}/u);
    const read = rest.slice(0, -1);
    assert.ok(sign === "==" ? read === text : compileGlob(read)(text) === compileGlob(text)(text), filter);
  }
  assert.ok(made > 10_000, `only ${made} filters were made`);
});

test("the filter has the length that the kernel takes", () => {
  const long = Array.from({ length: 30 }, (_, index) => like("name", `${"x".repeat(200)}${index}*`));
  const { filter, rest } = toKernelFilter({ type: "and", operands: long }, types);
  assert.ok((filter?.length ?? 0) <= limits.kernelFilterBytes && (filter?.length ?? 0) > 3800);
  assert.is(`${filter} && ${rest && print(rest)}`, long.map(print).join(" && "));
  stays("flags == 1", /more than 5 bytes/, { maxBytes: 5 });
  const alternatives = Array.from({ length: 250 }, (_, index) =>
    compare("wide", "uint64", "eq", 2n ** 64n - 1n - BigInt(index)),
  );
  const whole = or(...(alternatives as [(typeof alternatives)[0]]));
  assert.equal(toKernelFilter(whole, types), { filter: undefined, rest: whole });
});

test("explain says what runs where, and why", () => {
  const parts = explain(parse("flags & 3 && load > 0.5", types), types);
  assert.equal(
    parts.map(({ text, runs, filter, reason }) => ({ text, runs, filter, reason })),
    [
      { text: "flags & 3", runs: "kernel", filter: "flags & 3", reason: undefined },
      { text: "load > 0.5", runs: "sensor", filter: undefined, reason: "the kernel has no fields of type double" },
    ],
  );
});

function cut(text: string, filter: string | undefined, rest: string | undefined, options?: KernelFilterOptions): void {
  const result = toKernelFilter(parse(text, types), types, options);
  assert.is(result.filter, filter, text);
  assert.is(result.rest && print(result.rest), rest, text);
}

function stays(text: string, reason: RegExp, options?: KernelFilterOptions): void {
  const expression = parse(text, types);
  assert.equal(toKernelFilter(expression, types, options), { filter: undefined, rest: expression });
  assert.match(explain(expression, types, options)[0]?.reason ?? "", reason);
}

test.run();
