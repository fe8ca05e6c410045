import { test } from "uvu";
import * as assert from "uvu/assert";
import { and, compare, like, masked, not, or } from "./expression.js";
import { print } from "./print.js";

test("trees are built by name", () => {
  const etc = like("filename", "/etc/*");
  const tree = and(etc, or(compare("flags", "int32", "eq", 3), not(masked("flags", "int32", 0x40))));
  assert.is(print(tree), 'filename ~ "/etc/*" && (flags == 3 || !(flags & 0x40))');
  assert.is(and(etc), etc);
  assert.is(or(etc), etc);
});

test.run();
