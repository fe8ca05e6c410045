import { test } from "uvu";
import * as assert from "uvu/assert";
import { fetchedFields, typedArguments } from "./fetched-values.js";
import { fieldTypes } from "./field-table.js";

test("fields have the types that the kernel's filters compare by", () => {
  const args = {
    c: "+0($arg1):char",
    s8: "$arg1:s8",
    u8: "$arg1:u8",
    bits: "+0($arg1):b4@4/16",
    untyped: "$arg1",
    text: "+0($arg1):ustring",
    comm: "$comm",
    bytes: "+0($arg1):u8[4]",
    variable: "file",
  };
  assert.equal(fieldTypes(fetchedFields("do_exit", false, args)), {
    c: "uint8",
    s8: "int8",
    u8: "uint8",
    bits: "uint16",
    untyped: "uint64",
    text: "string",
    comm: "string",
  });
});

test("what a function returns has 64 bits unless something else is said, whatever the kernel knows of the function", () => {
  const args = { result: "$retval", small: "$retval:s32", inner: "+8($retval)", first: "$arg1" };
  assert.equal(typedArguments(args), { ...args, result: "$retval:u64" });
  assert.equal(fieldTypes(fetchedFields("vfs_read", true, args)).result, "uint64");
});

test.run();
