import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { Random } from "./random.js";

/** A message as a plain object, with `bigint` for 64-bit fields, as `create` takes it. */
export type PlainMessage = Record<string, unknown>;

/** Values at the edges of what a scalar type can hold, and of what an encoder treats differently. */
export function edgeValues(type: ScalarType): readonly unknown[] {
  switch (type) {
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return [0, 1, -1, 63, 64, -64, -65, 127, 128, 16383, 16384, 2 ** 31 - 1, -(2 ** 31), 1 - 2 ** 31];
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return [0, 1, 127, 128, 16383, 16384, 2 ** 21, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
    case ScalarType.INT64:
    case ScalarType.SINT64:
      return [
        ...edges64,
        -1n,
        -64n,
        -65n,
        -(2n ** 31n),
        -(2n ** 32n),
        1n - 2n ** 53n,
        -(2n ** 53n),
        1n - 2n ** 63n,
        -(2n ** 63n),
      ];
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return [...edges64, 2n ** 63n, 2n ** 64n - 1n];
    case ScalarType.BOOL:
      return [false, true];
    case ScalarType.STRING:
      return texts;
    case ScalarType.BYTES:
      return [0, 1, 127, 128, 3000].map((size) => Uint8Array.from({ length: size }, (_, index) => index * 37));
    default:
      throw new Error(`no values for ${ScalarType[type]}: an event has no such field`);
  }
}

const edges64 = [0n, 1n, 63n, 64n, 127n, 128n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 35n].concat([
  2n ** 42n - 1n,
  2n ** 42n,
  2n ** 49n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 56n,
  2n ** 62n,
  2n ** 63n - 1n,
]);

const sizes = [0, 1, 2, 23, 24, 25, 41, 42, 43, 126, 127, 128, 129, 5461, 5462, 16383, 16384];
const alphabets = ["a", "é", "€", "😀", "\ud83d", "\ude00", "\0", "\x7f", "\x80"];
const texts = [
  ...sizes.map((size) => "/usr/lib/systemd ".repeat(size).slice(0, size)),
  ...alphabets.flatMap((character) => [1, 12, 24, 43, 64, 128].map((count) => character.repeat(count))),
  `${"a".repeat(23)}é`,
  `${"a".repeat(126)}é`,
  "\ufeffbyte order mark",
  "\ude00\ud83d reversed",
  "a\ud83d",
];

/** Every message that has exactly one field set, at every edge value, with such messages within it likewise. */
export function* singleFieldMessages(desc: DescMessage): Generator<PlainMessage> {
  for (const field of desc.fields) for (const value of fieldEdges(field)) yield setField({}, field, value);
}

function* fieldEdges(field: DescField): Generator<unknown> {
  switch (field.fieldKind) {
    case "scalar":
      yield* edgeValues(field.scalar);
      return;
    case "enum":
      yield* enumEdges(field.enum);
      return;
    case "message":
      yield {};
      yield* singleFieldMessages(field.message);
      return;
    case "list":
      yield [];
      if (field.listKind === "message") {
        yield [{}, {}];
        for (const message of singleFieldMessages(field.message)) yield [message];
      } else if (field.listKind === "scalar") {
        for (const value of edgeValues(field.scalar)) yield [value, value];
      } else {
        for (const value of enumEdges(field.enum)) yield [value];
      }
      return;
    case "map":
      yield {};
      if (field.mapKind !== "message") throw new Error(`${field}: no values for such a map`);
      for (const key of texts) yield { [key]: {}, 1: {} };
      for (const message of singleFieldMessages(field.message)) yield { name: message };
  }
}

/** Known values, and unknown ones: a newer peer may have more. */
function enumEdges(desc: DescEnum): number[] {
  return [...desc.values.map((value) => value.number), 9999, -1, -(2 ** 31), 2 ** 31 - 1];
}

/** A message with about two thirds of its fields set, each to an edge value or a random one. */
export function randomMessage(desc: DescMessage, random: Random): PlainMessage {
  const message: PlainMessage = {};
  for (const member of desc.members) {
    if (random.once(3)) continue;
    const field = member.kind === "oneof" ? random.pick(member.fields) : member;
    setField(message, field, randomField(field, random));
  }
  return message;
}

function randomField(field: DescField, random: Random): unknown {
  switch (field.fieldKind) {
    case "scalar":
      return randomScalar(field.scalar, random);
    case "enum":
      return random.pick(enumEdges(field.enum));
    case "message":
      return randomMessage(field.message, random);
    case "list":
      return Array.from({ length: listLength(random) }, () => {
        if (field.listKind === "message") return randomMessage(field.message, random);
        return field.listKind === "scalar" ? randomScalar(field.scalar, random) : random.pick(enumEdges(field.enum));
      });
    case "map": {
      if (field.mapKind !== "message") throw new Error(`${field}: no values for such a map`);
      const { message } = field;
      const entries = Array.from({ length: listLength(random) }, () => [
        randomText(random),
        randomMessage(message, random),
      ]);
      return Object.fromEntries(entries);
    }
  }
}

function listLength(random: Random): number {
  return random.once(20) ? random.integer(60) : random.integer(5);
}

function randomScalar(type: ScalarType, random: Random): unknown {
  if (random.once(3)) return random.pick(edgeValues(type));
  const bits = random.integer(65);
  const wide = BigInt.asUintN(bits, (BigInt(random.integer(2 ** 32)) << 32n) | BigInt(random.integer(2 ** 32)));
  switch (type) {
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return Number(BigInt.asIntN(32, wide));
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return Number(BigInt.asUintN(32, wide));
    case ScalarType.INT64:
    case ScalarType.SINT64:
      return BigInt.asIntN(64, random.once(2) ? wide : -wide);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return wide;
    case ScalarType.STRING:
      return randomText(random);
    default:
      return random.pick(edgeValues(type));
  }
}

/** Mostly ASCII of the length of names and paths, sometimes any UTF-16 code units. */
function randomText(random: Random): string {
  const highest = random.pick([0x7f, 0x7f, 0x7f, 0xff, 0xffff]);
  return Array.from({ length: random.integer(60) }, () => String.fromCharCode(random.integer(highest + 1))).join("");
}

function setField(message: PlainMessage, field: DescField, value: unknown): PlainMessage {
  if (field.oneof === undefined) message[field.localName] = value;
  else message[field.oneof.localName] = { case: field.localName, value };
  return message;
}
