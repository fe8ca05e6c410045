import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "./compile.js";
import { parse } from "./parse.js";
import { fieldsOf, numbers, numberTypes, numberVectors, texts, textTypes, textVectors } from "./testing/vectors.js";

// vectors.kernel.test.ts holds the kernel to the same table.
test("the evaluator passes what it should: numbers", () => {
  for (const { where, passes } of numberVectors) {
    const passed = compile(parse(where, numberTypes), numberTypes);
    for (const number of numbers) {
      const fields: Record<string, number | bigint> = fieldsOf(number);
      assert.is(
        passed((name) => fields[name]),
        passes.includes(number),
        `${where}: ${number}`,
      );
      const asBigints = (name: string) => BigInt(fields[name] as number | bigint);
      assert.is(passed(asBigints), passes.includes(number), `${where}: ${number}n`);
    }
  }
});

test("the evaluator passes what it should: texts", () => {
  for (const { where, passes } of textVectors) {
    const passed = compile(parse(where, textTypes), textTypes);
    for (const text of texts)
      assert.is(
        passed(() => text),
        passes.includes(text),
        `${where}: ${JSON.stringify(text)}`,
      );
  }
});

test.run();
