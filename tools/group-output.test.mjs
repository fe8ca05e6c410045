import { test } from "uvu";
import * as assert from "uvu/assert";
import { beginMark, endMark, GroupOutput } from "./group-output.mjs";

const shown = ({ file, output, trouble }) => ({ file, output, trouble });

test("output is told apart by file, in whatever pieces it comes", () => {
  const text = `warning\n${beginMark("a.js")}one\ntwo\n${endMark(0)}late\n${beginMark("b.js")}three${endMark(1)}`;
  for (const size of [1, 7, text.length]) {
    const group = new GroupOutput();
    const ended = [];
    for (let at = 0; at < text.length; at += size) {
      group.write(text.slice(at, at + size));
      ended.push(...group.takeEnded().map(shown));
    }
    assert.equal(ended, [{ file: "a.js", output: "one\ntwo\nlate\n", trouble: undefined }]);
    const last = group.takeLast(undefined);
    assert.equal(last && shown(last), { file: "b.js", output: "three", trouble: "failed with status 1" });
    assert.is(group.begun, 2);
  }
});

test("a file that did not come to its end has failed, by the process's end if that tells why", () => {
  const group = new GroupOutput();
  group.write(`${beginMark("a.js")}half`);
  assert.equal(group.takeEnded(), []);
  assert.is(group.takeLast(undefined)?.trouble, "did not come to its end");
  assert.is(group.takeLast("ended with SIGSEGV")?.trouble, "ended with SIGSEGV");
});

test("a process that began no file has run none", () => {
  const group = new GroupOutput();
  group.write("no such file\n");
  assert.equal(group.takeEnded(), []);
  assert.is(group.takeLast("ended with status 1"), undefined);
  assert.is(group.text, "no such file\n");
});

test.run();
