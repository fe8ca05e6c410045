import { test } from "uvu";
import * as assert from "uvu/assert";
import { TextField } from "./text-field.js";
import { WireWriter } from "./wire-writer.js";

const writer = new WireWriter();
const written = (text: string | undefined) => {
  writer.start();
  writer.string(1000, text);
  return [...writer.finish()];
};

test("each text is what a writer makes of it, the first time and again, also beyond those that are kept", () => {
  const field = new TextField(1000);
  const texts = [
    "openat",
    "",
    "getppid",
    "é\ud800",
    "x".repeat(300),
    ...Array.from({ length: 2000 }, (_, i) => `call${i}`),
  ];
  for (let round = 0; round < 2; round++) {
    for (const text of [undefined, ...texts]) assert.equal([...field.bytesOf(text)], written(text), text);
  }
});

test("a text that is not kept does not take the place of one that is", () => {
  const field = new TextField(1000);
  for (let i = 0; i < 1024; i++) field.bytesOf(`call${i}`);
  assert.equal([...field.bytesOf("late")], written("late"));
  assert.equal([...field.bytesOf("later")], written("later"));
  assert.equal([...field.bytesOf("call7")], written("call7"));
});

test.run();
