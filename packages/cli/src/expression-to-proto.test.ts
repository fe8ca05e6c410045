import { create } from "@bufbuild/protobuf";
import { parse, print } from "@kernscope/expression";
import { ExpressionSchema } from "@kernscope/telemetry-api";
import { expressionFromProto } from "@kernscope/telemetry-service/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expressionToProto } from "./expression-to-proto.js";

const types = {
  name: "string",
  s8: "int8",
  s16: "int16",
  s32: "int32",
  s64: "int64",
  u8: "uint8",
  u16: "uint16",
  u32: "uint32",
  u64: "uint64",
  ok: "bool",
  load: "double",
  time: "timestamp",
} as const;

test("what the service reads is what was written", () => {
  for (const text of [
    'name ~ "/etc/*" && (s32 & 3) != 0 || !ok',
    "s8 == -128 && s16 != -1 && s32 < 5 && s64 <= -9223372036854775808",
    "u8 > 1 || u16 >= 2 || u32 == 3 || u64 == 18446744073709551615",
    "load > 0.5 && ok == false && name is null && name is not null",
    'time >= "1969-12-31T23:59:59.5Z" && time < "2024-02-29T12:00:00.000000001Z"',
    "!(ok && s32 & 0x10)",
  ]) {
    assert.is(through(text), text);
  }
});

test("many alternatives are no deep tree", () => {
  const text = Array.from({ length: 200 }, (_, index) => `u64 == ${index}`).join(" || ");
  assert.is(through(text), text);
});

function through(text: string): string {
  return print(expressionFromProto(create(ExpressionSchema, expressionToProto(parse(text, types)))));
}

test.run();
