import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { commandLineText, printable, printableJson, quoted } from "./printable.js";

const hostile = [
  "\u001b[2J",
  "\u001b]0;title\u0007",
  "\u009b31m",
  "\r\n",
  "\t",
  "\u007f",
  "\0",
  "\u202eexe.txt",
  "\u2066a\u2069",
  "\u200b",
  "\u2028",
  "\ud800",
  "\u{e0041}",
  "\u{f0000}",
  "\uffff",
];

test("text shows itself, whatever its script", () => {
  for (const text of ["plain", "a b", "größe", "日本語", "مرحبا", "🙂", "e\u0301", "\u00a0"]) {
    assert.is(printable(text), text);
  }
});

test("no control gets through, alone or within text", () => {
  for (const text of hostile) {
    for (const shown of [printable(`a${text}b`), quoted(`a${text}b`), printableJson(JSON.stringify(`a${text}b`))]) {
      assert.not.match(shown, /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u);
    }
    assert.is(JSON.parse(printableJson(JSON.stringify(text))), text);
  }
  assert.is(printable("\u001b[31m\n\u202e"), "\\x1b[31m\\n\\u202e");
});

test("arguments are quoted where a shell needs it", () => {
  assert.is(quoted("/bin/true"), "/bin/true");
  assert.is(quoted("--a=b,c:d@e%f+g"), "--a=b,c:d@e%f+g");
  assert.is(quoted("größe"), "größe");
  assert.is(quoted(""), "''");
  assert.is(quoted("a b"), "'a b'");
  assert.is(quoted("it's"), "'it'\\''s'");
  assert.is(quoted("it's\n\\"), "$'it\\'s\\n\\\\'");
  for (const text of ["$x", "~", "#", "*", "a;b", "a>b", "!", "`", '"', "{a,b}", "?"])
    assert.is(quoted(text), `'${text}'`);
  assert.is(commandLineText(["/bin/sh", "-c", "echo 'hi'"]), "/bin/sh -c 'echo '\\''hi'\\'''");
  assert.is(commandLineText([]), "");
});

test("bash reads what is quoted back as it was", () => {
  // Not NUL, which no argument can have, nor halves of pairs, which no UTF-8 has.
  const sayable = hostile.filter((text) => text !== "\0" && text !== "\ud800");
  const args = [...sayable, "", "a b", "it's", '$HOME `x` \\ "', "größe\n日本", "-n", "\\x1b", "'\u001b'"];
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  const output = execFileSync("bash", ["-c", `printf '%s\\0' ${commandLineText(args)}`], { env });
  assert.equal(output.toString().split("\0").slice(0, -1), args);
});

test.run();
