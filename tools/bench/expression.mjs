// What filter expressions cost: an evaluation, the refusal of what is too large, and a pattern against a long text. Prints
// the best and the median of several rounds.
//
//   node tools/bench/expression.mjs [--rounds N]
import { parseArgs } from "node:util";
import { compile, compileGlob, limits, not, parse, validate } from "../../packages/expression/dist/index.js";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "15" } } });
const rounds = Number(values.rounds);
const types = { filename: "string", flags: "int32", mode: "int32", id: "int64", arg0: "uint64", ok: "bool" };

/** What an event looks like to a predicate: a field of an object that is asked for by name. */
const event = { filename: "/usr/lib/x86_64-linux-gnu/libc.so.6", flags: 0x80002, mode: 0o644, id: 257, arg0: 3 };
const lookup = (name) => event[name];
const terms = {
  "three numbers, true": "id == 257 && (flags & 3) != 0 && mode != 0",
  "three numbers, or": "id == 1 || id == 2 || id == 257",
  "a suffix and two numbers": 'filename ~ "*.so.6" && (flags & 3) != 0 && mode == 0644',
  "a glob and two numbers": 'filename ~ "/usr/*/libc.so.?" && (flags & 3) != 0 && mode == 0644',
};
for (const [name, text] of Object.entries(terms)) {
  const passes = compile(parse(text, types), types);
  report(`evaluate ${name}`, "ns", 1e6 / 1e6, () => {
    let passed = 0;
    for (let i = 0; i < 1e6; i++) {
      event.mode = i & 1 ? 0o644 : 0o600;
      if (passes(lookup)) passed++;
    }
    if (passed === 0) throw new Error(`${name}: nothing passes`);
  });
}

let deep = { type: "identifier", name: "ok" };
for (let level = 0; level < 100_000; level++) deep = not(deep);
const bombs = {
  "a tree of 100,000 levels": () => validate(deep, types),
  "an or of 1,000,000 operands": () => validate({ type: "or", operands: wide }, types),
  "16 KiB of parentheses": () => parse("(".repeat(limits.textBytes), types),
  "16 KiB of negations": () => parse("!".repeat(limits.textBytes), types),
  "16 KiB of alternatives": () => parse("ok||".repeat(limits.textBytes / 4), types),
  "16 KiB of numbers": () => parse(`id == ${"9".repeat(16_000)}`, types),
  "16 MiB of text": () => parse(" ".repeat(1 << 24), types),
};
const wide = Array(1_000_000).fill(deep);
for (const [name, refuse] of Object.entries(bombs)) {
  report(`refuse ${name}`, "ms", 1, () => {
    try {
      refuse();
    } catch {
      return;
    }
    throw new Error(`${name}: not refused`);
  });
}

/** As texts of records are: one piece, not the tree that `repeat` makes. */
const flat = (text) => Buffer.from(text).toString();
const long = flat("a".repeat(65_536));
const patterns = {
  "*aaab*": long,
  [`*${"a".repeat(100)}b*`]: long,
  [`*${"a".repeat(250)}b*`]: long,
  [`*b${"a".repeat(250)}*`]: long,
  "*a*a*a*a*a*a*a*a*b*": long,
  [`${"*a".repeat(120)}*b*`]: long,
  "*?a[ab]b*": long,
  [`*${"?".repeat(250)}b*`]: long,
  [`*${"[ab]".repeat(60)}b*`]: long,
  [`*${"[ab]a".repeat(40)}c?*`]: long,
  [`*${"?é".repeat(80)}b*`]: flat("é".repeat(32_768)),
};
for (const [pattern, text] of Object.entries(patterns)) {
  const matches = compileGlob(pattern);
  report(`match ${pattern.slice(0, 24)} (${pattern.length})`, "ms", 1, () => matches(text));
}

/** Runs `body` for several rounds; `per` is how many of the unit one millisecond of a round is. */
function report(name, unit, per, body) {
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    body();
    times.push((Number(process.hrtime.bigint() - start) / 1e6) * per);
  }
  times.sort((a, b) => a - b);
  const [best, median] = [times[0], times[times.length >> 1]].map((time) => time.toFixed(3).padStart(9));
  console.log(
    `${name.padEnd(48)} best ${best} ${unit}, median ${median} ${unit}, worst ${times.at(-1).toFixed(3)} ${unit}`,
  );
}
