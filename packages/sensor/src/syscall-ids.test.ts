import { type FieldTypes, parse, print } from "@kernscope/expression";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { limitsIds, pinnedIds, specialise, weakened } from "./syscall-ids.js";
import { compatArchitecture, syscallName, syscallNames, syscallNumber, syscallTracepoint } from "./syscall-numbers.js";

const types: FieldTypes = { id: "int64", compat: "bool", arg0: "uint64", arg1: "uint64" };
const expression = (text: string) => parse(text, types);
const pinned = (text: string) => {
  const ids = pinnedIds(expression(text));
  return ids && [...ids].sort((a, b) => a - b);
};
const special = (text: string, value: number | boolean) => {
  const left = specialise(expression(text), typeof value === "number" ? "id" : "compat", value, types);
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

test("what is left of a condition when the table is known", () => {
  assert.is(special("compat == true && id == 1", false), false);
  assert.is(special("compat == true && id == 1", true), "id == 1");
  assert.is(special("compat && id == 1 || !compat && id == 2", false), "id == 2");
  assert.is(special("compat is not null && id == 1", true), "id == 1");
});

test("what a condition says without some of its fields", () => {
  const weak = (text: string) => {
    const left = weakened(expression(text), new Set(["compat", "arg0"]));
    return left === true ? left : print(left);
  };
  assert.is(weak("id == 1 && arg0 == 3"), "id == 1");
  assert.is(weak("compat && id == 1 || !compat && id == 2 && arg1 == 3"), "id == 1 || id == 2 && arg1 == 3");
  assert.is(weak("id == 1 || arg0 == 3"), true);
  assert.is(weak("!(id == 1 && arg0 == 3)"), true);
  assert.is(weak("id == 1"), "id == 1");
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
  assert.equal(
    ["read", "openat", "execve", "socketcall", "clock_gettime64", "futex_waitv"].map((name) =>
      syscallNumber(name, "ia32"),
    ),
    [3, 295, 11, 102, 403, 449],
  );
  assert.equal(
    ["read", "openat", "execve", "connect", "clock_gettime64", "futex_waitv"].map((name) => syscallNumber(name, "arm")),
    [3, 322, 11, 283, 403, 449],
  );
  assert.equal(
    [syscallName(222, "ia32"), syscallName(7, "arm"), syscallName(-1, "ia32")],
    [undefined, undefined, undefined],
  );
  assert.equal(
    [compatArchitecture("x64"), compatArchitecture("arm64"), compatArchitecture("ia32")],
    ["ia32", "arm", undefined],
  );
  assert.is(syscallNames("ia32").length, 470);
  assert.is(syscallName(9999, "x64"), undefined);
  assert.is(syscallName(0, "m68k"), undefined);
  assert.is(syscallTracepoint(syscallNumber("uname")!, "exit"), "syscalls/sys_exit_newuname");
});

test.run();
