import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { quote, quoteAll } from "./quote.js";

test("plain words stay as they are", () => {
  assert.is(quoteAll(["/bin/ls", "-l", "--color=auto", "a@b:1,2%"]), "/bin/ls -l --color=auto a@b:1,2%");
});

test("a shell reads back what was quoted", () => {
  const args = [
    "",
    "a b",
    "it's",
    "$HOME `id`",
    "a\nb\tc",
    "\\",
    "'\n'",
    "é ü",
    "*",
    "\u001b[31mred",
    "\u007f",
    "日本",
  ];
  const script = `printf '%s\\0' ${quoteAll(args)}`;
  const read = execFileSync("bash", ["-c", script], { env: { LC_ALL: "C.UTF-8" } }).toString();
  assert.equal(read.split("\0").slice(0, -1), args);
});

test("nothing that a terminal acts on gets through", () => {
  const hostile = "\u001b]0;title\u0007\u009b2J\u202eabc\u2066\u2028\u0000\ud800\u200d\u{e0001}";
  assert.is(quote(hostile), "$'\\x1b]0;title\\x07\\x9b2J\\u202eabc\\u2066\\u2028\\x00\\ud800\\u200d\\U000e0001'");
});

test.run();
