import { type FieldTypes, parse, print } from "@kernscope/expression";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { limitsIds, pinnedIds, specialise } from "./syscall-ids.js";
import { syscallName, syscallNumber, syscallTracepoint } from "./syscall-numbers.js";

const types: FieldTypes = { id: "int64", arg0: "uint64", arg1: "uint64" };
const expression = (text: string) => parse(text, types);
const pinned = (text: string) => {
  const ids = pinnedIds(expression(text));
  return ids && [...ids].sort((a, b) => a - b);
};
const special = (text: string, id: number) => {
  const left = specialise(expression(text), id, types);
  return typeof left === "boolean" ? left : print(left);
};

test("only what keeps most calls out limits them", () => {
  for (const text of ["id == 1", "id < 5 && arg0 == 1", "id == 1 || id > 300", "(id == 1 || id == 2) && arg0 == 1"]) {
    assert.ok(limitsIds(expression(text)), text);
  }
  for (const text of ["arg0 == 1", "id != 1", "id == 1 || arg0 == 1", "!(id == 1)"]) {
    assert.not(limitsIds(expression(text)), text);
  }
});

test("the ids that a condition names", () => {
  assert.equal(pinned("id == 1 || id == 2"), [1, 2]);
  assert.equal(pinned("(id == 1 || id == 2) && arg0 == 3"), [1, 2]);
  assert.equal(pinned("(id == 1 || id == 2) && id == 2"), [2]);
  assert.equal(pinned("id == 1 && id == 2"), []);
  assert.is(pinned("id < 5"), undefined);
  assert.is(pinned("id == 1 || arg0 == 1"), undefined);
});

test("what is left of a condition when the id is known", () => {
  assert.is(special("id == 1 || id == 2", 1), true);
  assert.is(special("id == 1", 2), false);
  assert.is(special("id == 1 && arg0 == 3", 1), print(expression("arg0 == 3")));
  assert.is(special("id == 1 && arg0 == 3 || id == 2", 2), true);
  assert.is(special("id == 1 && arg0 == 3 || id == 2 && arg1 == 4", 2), print(expression("arg1 == 4")));
  assert.is(special("!(id > 5) && arg0 == 3", 1), print(expression("arg0 == 3")));
});

test("numbers and names of both architectures", () => {
  assert.equal(
    ["read", "openat", "execve", "openat2", "futex_waitv"].map((name) => syscallNumber(name, "x64")),
    [0, 257, 59, 437, 449],
  );
  assert.equal(
    ["read", "openat", "execve", "openat2", "futex_waitv"].map((name) => syscallNumber(name, "arm64")),
    [63, 56, 221, 437, 449],
  );
  assert.is(syscallName(9999, "x64"), undefined);
  assert.is(syscallName(0, "m68k"), undefined);
  assert.is(syscallTracepoint(syscallNumber("uname")!, "exit"), "syscalls/sys_exit_newuname");
});

test.run();
