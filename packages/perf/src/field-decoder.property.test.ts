import { test } from "uvu";
import * as assert from "uvu/assert";
import { PerfError } from "./errors.js";
import { decodeObject, decodeRaw, type TraceValue } from "./field-decoder.js";
import { format } from "./testing/formats.js";
import { Random, randomBytesOf } from "./testing/random.js";
import { type FormatField, parseTraceFormat, type TraceFormat } from "./trace-format.js";

/** More than the usual can be asked for. */
const FORMATS = Number(process.env.KERNSCOPE_FORMATS ?? 5_000);
const RECORDS = 20;

const types = [
  "char",
  "u8",
  "s16",
  "int",
  "unsigned long",
  "s64",
  "struct foo",
  "enum x",
  "umode_t",
  "void *",
  "nonsense",
];
const brackets = ["", "[]", "[0]", "[3]", "[16]", "[][2]", "[TASK_COMM_LEN]", "[2][3]"];
const prefixes = ["", "", "const ", "__data_loc ", "__rel_loc "];
const numbers = [0, 1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 48, 200, 65_535, 65_536, 2 ** 31, "x", "", -1];

/** A format as the kernel prints them, or nearly so. */
function randomFormat(random: Random): string {
  const fields = Array.from({ length: random.below(6) }, (_, index) => {
    const type = `${random.pick(prefixes)}${random.pick(types)}`;
    const placed = random.pick(brackets);
    const name = random.below(2) === 0 ? `${placed} f${index}` : ` f${index}${placed}`;
    const usual = random.below(4) > 0;
    const offset = usual ? 8 + random.below(40) : random.pick(numbers);
    const size = usual ? random.pick([1, 2, 4, 8, 16]) : random.pick(numbers);
    return `${type}${name};	offset:${offset};	size:${size};	signed:${random.below(3)};`;
  });
  const text = format("e", 7, fields);
  if (random.below(20) > 0) return text;
  const at = random.below(text.length);
  return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1 + random.below(3));
}

/** The format, or `undefined` where it was refused as it should be. */
function parsed(text: string): TraceFormat | undefined {
  try {
    return parseTraceFormat(text);
  } catch (error) {
    assert.ok(error instanceof PerfError && error.code === "invalid", `${error}\n${text}`);
    return undefined;
  }
}

/** What an integer is, worked out byte by byte. */
function integerAt(raw: Uint8Array, { offset, elementSize, signed }: FormatField): bigint {
  let value = 0n;
  for (let byte = elementSize - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(raw[offset + byte] ?? 0);
  return signed ? BigInt.asIntN(elementSize * 8, value) : value;
}

function check(field: FormatField, value: TraceValue | undefined, raw: Uint8Array, size: number): void {
  switch (field.kind) {
    case "integer":
    case "pointer":
      assert.is(BigInt(value as number | bigint), integerAt(raw, field));
      assert.ok(typeof value === "bigint" || Number.isSafeInteger(value));
      return;
    case "string":
      assert.type(value, "string");
      assert.ok((value as string).length <= size && !(value as string).includes("\0"));
      return;
    case "strings":
      assert.ok(Array.isArray(value) && value.every((each) => typeof each === "string"));
      return;
    default:
      assert.ok(ArrayBuffer.isView(value) && value.byteLength <= size);
  }
}

test("any format and any bytes: a value of the field's kind, or the format was refused", () => {
  const random = new Random(20_260);
  let decoded = 0;
  let refused = 0;
  for (let round = 0; round < FORMATS; round++) {
    const text = randomFormat(random);
    const known = parsed(text);
    if (known === undefined) {
      refused++;
      continue;
    }
    // What is long costs time and is decoded by the same means.
    for (let record = 0; record < (known.size > 512 ? 1 : RECORDS); record++) {
      const raw = randomBytesOf(random, random.below(3) === 0 ? random.below(80) : known.size % 128);
      // Places of dynamic data that are inside by chance are rare.
      if (record % 2 === 0) for (let at = 1; at < raw.length; at += 2) raw[at] = 0;
      const data = decodeRaw(known, raw);
      const values = decodeObject(data);
      for (const field of known.fields) check(field, values[field.name], raw, Math.max(known.size, raw.length));
      decoded++;
    }
  }
  assert.ok(decoded > 8 * FORMATS && refused > FORMATS / 10, `${decoded} decoded, ${refused} refused`);
});

test.run();
