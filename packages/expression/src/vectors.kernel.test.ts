import { readFileSync, writeFileSync } from "node:fs";
import { EventMonitor } from "@kernscope/perf";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "./compile.js";
import { KernelBed } from "./kernel-bed.test.support.js";
import { type KernelFilter, toKernelFilter } from "./kernel-filter.js";
import { parse } from "./parse.js";
import { print } from "./print.js";
import { Random } from "./testing/random.js";
import { randomExpression } from "./testing/random-expression.js";
import { fieldsOf, numbers, numberTypes, numberVectors, texts, textTypes, textVectors } from "./testing/vectors.js";
import { utf8 } from "./utf8.js";

/** Older kernels let a set with `!` match the NUL behind a text, too: these patterns stay with the evaluator. */
const forKernel = textVectors.filter(({ where }) => !where.includes("[!"));
const onKernel = requires({ root: true, perf: true, uprobes: true });

onKernel("the kernel passes what it should: numbers", async () => {
  using bed = new KernelBed(numbers.map((number) => ({ number, text: "" })));
  const filters = numberVectors.map(({ where }) => {
    const { filter, rest } = toKernelFilter(parse(where, numberTypes), numberTypes);
    assert.is(rest, undefined, where);
    return filter;
  });
  const passed = await bed.passed(filters);
  for (const [index, { where, passes }] of numberVectors.entries()) {
    const found = numbers.filter((_, subject) => passed[index]?.has(subject));
    assert.equal(
      found,
      numbers.filter((number) => passes.includes(number)),
      `${where} as ${filters[index]}`,
    );
  }
});

onKernel("the kernel passes what it should: texts", async () => {
  using bed = new KernelBed(texts.map((text) => ({ number: 0n, text })));
  const filters = forKernel.map(({ where }) => {
    const { filter, rest } = toKernelFilter(parse(where, textTypes), textTypes);
    assert.is(rest, undefined, where);
    return filter;
  });
  const passed = await bed.passed(filters);
  for (const [index, { where, passes }] of forKernel.entries()) {
    const found = texts.filter((_, subject) => passed[index]?.has(subject));
    assert.equal(
      found,
      texts.filter((text) => passes.includes(text)),
      `${where} as ${filters[index]}`,
    );
  }
});

onKernel("a field of a fixed size, of a tracepoint: /proc/self/comm is written", async () => {
  const fields = { text: "newcomm" };
  // What fits, but the empty one, which cannot be written.
  const names = texts.filter((text) => text !== "" && utf8(text).length <= 15);
  const passed = forKernel.map(() => [] as string[]);
  const before = readFileSync("/proc/self/comm");
  {
    await using monitor = await EventMonitor.open();
    const registered = forKernel.map(({ where }, index) => {
      const { filter = "" } = toKernelFilter(parse(where, textTypes), textTypes, { fields });
      return monitor.registerTracepoint<{ newcomm: string }>(
        "task/task_rename",
        ({ pid }, { newcomm }) => {
          if (pid === process.pid) passed[index]?.push(newcomm);
        },
        { filter },
      );
    });
    await Promise.all(registered);
    for (const name of names) writeFileSync("/proc/self/comm", utf8(name));
    await monitor.disable();
    writeFileSync("/proc/self/comm", before);
    const run = monitor.run();
    await monitor.stop();
    await run;
  }
  for (const [index, { where, passes }] of forKernel.entries()) {
    assert.equal(
      passed[index],
      names.filter((name) => passes.includes(name)),
      where,
    );
  }
});

onKernel("whatever the expression: the kernel's part and the rest pass what the expression passes", async () => {
  const random = new Random(20);
  const types = { ...numberTypes, ...textTypes };
  const subjects = [...numbers, ...numbers].map((number, index) => ({
    number,
    text: texts[index % texts.length] ?? "",
  }));
  const expressions = Array.from({ length: 60 }, () =>
    randomExpression(random, 3, { types, characters: [..."aaabc*?[]!-\\1é\"'"] }),
  );
  using bed = new KernelBed(subjects);
  const cut = expressions.map((expression) => toKernelFilter(expression, types));
  assert.ok(cut.filter(({ filter }) => filter !== undefined).length > 30);
  const passed = await bed.passed(cut.map(({ filter }) => filter));
  for (const [index, expression] of expressions.entries()) {
    const whole = compile(expression, types);
    const { filter, rest } = cut[index] as KernelFilter;
    const remains = rest === undefined ? () => true : compile(rest, types);
    for (const [subject, { number, text }] of subjects.entries()) {
      const fields: Record<string, string | number | bigint> = { ...fieldsOf(number), text };
      const lookup = (name: string) => fields[name];
      const both = passed[index]?.has(subject) === true && remains(lookup);
      assert.is(both, whole(lookup), `${print(expression)} as ${filter}: ${number}, ${JSON.stringify(text)}`);
    }
  }
});

test.run();
