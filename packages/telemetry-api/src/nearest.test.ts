import { test } from "uvu";
import * as assert from "uvu/assert";
import { nearest } from "./nearest.js";

const words = ["exec", "exit", "fork", "connect", "connect-result", "a"];

test("the word itself, and words with a slip of the finger", () => {
  assert.is(nearest("exec", words), "exec");
  assert.is(nearest("EXEC", words), "exec");
  assert.is(nearest("exce", words), "exec");
  assert.is(nearest("exe", words), "exec");
  assert.is(nearest("forks", words), "fork");
  assert.is(nearest("conect", words), "connect");
  assert.is(nearest("connectresult", words), "connect-result");
});

test("nothing for words that are like none", () => {
  assert.is(nearest("", ["exec"]), undefined);
  assert.is(nearest("process", words), undefined);
  assert.is(nearest("connect".repeat(10_000), words), undefined);
  assert.is(nearest("exec", []), undefined);
});

test("the nearer of two, the first of two equally near", () => {
  assert.is(nearest("exet", ["exec", "exit"]), "exec");
  assert.is(nearest("exet", ["exit", "exec"]), "exit");
  assert.is(nearest("connect-resul", words), "connect-result");
});

test.run();
