import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ObjectCopier } from "./object-copier.js";

test("the named properties are copied, in that order, those of the prototype too", () => {
  const from = Object.create({ b: 2, c: 3 });
  from.a = 1;
  const copier = new ObjectCopier(["b", "a"]);
  for (const copy of [copier.copy(from), copier.copy(from), copier.copy(from)]) {
    assert.equal(Object.entries(copy), [
      ["b", 2],
      ["a", 1],
    ]);
    assert.is(Object.getPrototypeOf(copy), Object.prototype);
  }
});

test("any name is copied as what it is, and none is run", () => {
  const names = ["__proto__", "constructor", "class", "a b", "1", '"', "x: (globalThis.broken = true)", "\u2028"];
  const from = Object.fromEntries(names.map((name, index) => [name, index]));
  for (const each of [...names.map((name) => [name]), names]) {
    const copier = new ObjectCopier(each);
    for (const copy of [copier.copy(from), copier.copy(from)]) {
      for (const name of each) assert.is(Object.getOwnPropertyDescriptor(copy, name)?.value, names.indexOf(name));
    }
  }
  assert.is("broken" in globalThis, false);
});

test("it works where Node compiles no strings", () => {
  const module = new URL("object-copier.js", import.meta.url).href;
  const program = `import { ObjectCopier } from ${JSON.stringify(module)};
    const copier = new ObjectCopier(["a"]);
    copier.copy({ a: 0 });
    console.log(JSON.stringify(copier.copy({ a: 1, b: 2 })));`;
  const flags = ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", program];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: "utf8" });
  assert.is(stdout.trim(), '{"a":1}', stderr);
});

test.run();
