/** A number from 0 to `below` - 1. */
export type Draw = (below: number) => number;

/** Draws numbers that are the same for a seed. */
export function generator(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A copy with a few changes that know nothing of what it means: bytes flipped, set, doubled, moved or left out. */
export function mutateBytes(bytes: Buffer, draw: Draw): Buffer {
  let copy = Buffer.from(bytes);
  for (let changes = 1 + draw(4); changes > 0 && copy.length > 0; changes--) {
    const at = draw(copy.length);
    const end = Math.min(copy.length, at + 1 + draw(12));
    const part = copy.subarray(at, end);
    switch (draw(6)) {
      case 0:
        copy[at] = (copy[at] ?? 0) ^ (1 << draw(8));
        break;
      case 1:
        copy[at] = draw(256);
        break;
      case 2:
        copy = Buffer.concat([copy.subarray(0, end), part, copy.subarray(end)]);
        break;
      case 3:
        copy = Buffer.concat([copy.subarray(0, at), copy.subarray(end)]);
        break;
      case 4:
        copy = Buffer.concat([part, copy]);
        break;
      default:
        copy = copy.subarray(0, at);
    }
  }
  return copy;
}

/** A field of protobuf as it is on the wire: a varint, bytes, or a message. */
interface WireField {
  number: number;
  type: number;
  /** What is written instead of the content's true length. */
  length?: number;
  content: bigint | Buffer | WireField[];
}

const LENGTH_DELIMITED = 2;
const varints = [0n, 1n, 0x7fn, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 70n];
const texts = ["", "\0", "é", "../..", "a\nb", "*".repeat(300), "[", "x".repeat(5000)];
/** No UTF-8. */
const noText = Buffer.from([0xff, 0xc0, 0x80]);

/**
 * A copy of a protobuf message with a few changes of what it is made of: numbers, types, lengths and values of fields,
 * fields left out, doubled, exchanged for others, or nested deep.
 */
export function mutateWire(message: Buffer, draw: Draw): Buffer {
  const fields = readFields(message) ?? [];
  for (let changes = 1 + draw(3); changes > 0; changes--) {
    const lists = listsIn(fields).filter((list) => list.length > 0);
    const list = pick(lists, draw);
    if (list === undefined) break;
    const at = draw(list.length);
    const field = list[at] as WireField;
    switch (draw(8)) {
      case 0:
        field.number = pick([0, 1, 2, 10, 100, 999, 1000, 2 ** 29 - 1], draw) ?? 0;
        break;
      case 1:
        field.type = draw(8);
        break;
      case 2:
        field.length = pick([0, 1, 0x7f, 0xffff, 0x7fffffff, 0xffffffff], draw) ?? 0;
        break;
      case 3:
        field.content = valueLike(field.content, draw);
        break;
      case 4:
        list.splice(at, 1);
        break;
      case 5:
        for (let copies = draw(20) === 0 ? 300 : draw(8); copies > 0; copies--) list.push(field);
        break;
      case 6:
        // Written from within, so that what is shared does not become its own content.
        for (let depth = pick([1, 2, 40, 120, 1000], draw) ?? 1, inner = field; depth > 0; depth--) {
          inner = { number: field.number, type: LENGTH_DELIMITED, content: [inner] };
          list[at] = inner;
        }
        break;
      default:
        field.content = copyOf((pick(pick(lists, draw) ?? [], draw) ?? field).content);
    }
    if (size(fields) > 20_000) break;
  }
  return Buffer.concat(fields.map((field) => writeField(field, 0)));
}

function valueLike(content: WireField["content"], draw: Draw): WireField["content"] {
  if (typeof content === "bigint") return pick(varints, draw) ?? 0n;
  return draw(4) === 0 ? noText : Buffer.from(pick(texts, draw) ?? "");
}

function copyOf(content: WireField["content"]): WireField["content"] {
  return Array.isArray(content) ? content.map((field) => ({ ...field, content: copyOf(field.content) })) : content;
}

/** Undefined where the bytes are no message. */
function readFields(bytes: Buffer): WireField[] | undefined {
  const fields: WireField[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    if (tag === undefined || value === undefined) return undefined;
    const number = Number(tag >> 3n);
    const type = Number(tag & 7n);
    if (type === 0) fields.push({ number, type, content: value });
    else if (type !== LENGTH_DELIMITED || number === 0 || at + Number(value) > bytes.length) return undefined;
    else {
      const content = bytes.subarray(at, at + Number(value));
      at += content.length;
      fields.push({ number, type, content: (content.length > 0 && readFields(content)) || content });
    }
  }
  return fields;
}

/** Deeper ones are only written. */
const DEEPEST = 1100;

function writeField({ number, type, length, content }: WireField, depth: number): Buffer {
  const tag = varintOf((BigInt(number) << 3n) | BigInt(type));
  if (typeof content === "bigint") return Buffer.concat([tag, varintOf(content)]);
  const bytes = Buffer.isBuffer(content)
    ? content
    : Buffer.concat(depth > DEEPEST ? [] : content.map((field) => writeField(field, depth + 1)));
  return Buffer.concat([tag, varintOf(BigInt(length ?? bytes.length)), bytes]);
}

function varintOf(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** The fields of the message and of all messages in it; not of those that were nested deep. */
function listsIn(fields: WireField[], depth = 0): WireField[][] {
  if (depth > 10) return [];
  const inner = fields.map(({ content }) => content).filter((content) => Array.isArray(content));
  return [fields, ...inner.flatMap((content) => listsIn(content, depth + 1))];
}

function size(fields: readonly WireField[], depth = 0): number {
  return fields.reduce((sum, { content }) => {
    if (typeof content === "bigint") return sum + 11;
    if (Buffer.isBuffer(content)) return sum + 6 + content.length;
    return sum + 6 + (depth > DEEPEST ? 0 : size(content, depth + 1));
  }, 0);
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const values: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  "",
  "0",
  "-1",
  "1e3",
  "x",
  "NaN",
  "18446744073709551616",
  "\u0000",
  "\ud800",
  [],
  {},
  [[]],
  [null],
  { "": 1 },
  "PROCESS_EVENT_TYPE_EXEC",
];
const keys = [
  "",
  "type",
  "eventFilter",
  "event_filter",
  "subscription",
  "__proto__",
  "constructor",
  "unaryOp",
  "nothing",
];

/**
 * A copy of a text in JSON with a few changes of what it is made of: values of other types, other names, members left
 * out, doubled, or nested deep.
 */
export function mutateJson(text: string, draw: Draw): string {
  let root: Json = JSON.parse(text);
  for (let changes = 1 + draw(3); changes > 0; changes--) {
    const holders = holdersIn(root);
    const holder = pick(holders, draw);
    if (holder === undefined) break;
    const [owner, key] = holder;
    const members = owner as Record<string, Json>;
    switch (draw(6)) {
      case 0:
        members[key] = structuredClone(pick(values, draw) ?? null);
        break;
      case 1: {
        // An array's items have no names.
        if (Array.isArray(owner)) break;
        const { [key]: value = null } = members;
        delete members[key];
        // As JSON.parse makes it, also where it is called __proto__.
        Object.defineProperty(members, pick(keys, draw) ?? "", {
          value,
          enumerable: true,
          configurable: true,
          writable: true,
        });
        break;
      }
      case 2:
        if (Array.isArray(owner)) owner.splice(Number(key), 1);
        else delete members[key];
        break;
      case 3:
        if (Array.isArray(owner)) {
          const item = members[key] ?? null;
          const most = 50_000 / (1 + JSON.stringify(item).length);
          for (let copies = Math.min(draw(300), most); copies > 0; copies--) owner.push(structuredClone(item));
        } else members[key] = [members[key] ?? null];
        break;
      case 4: {
        const name = pick(keys, draw) ?? "";
        for (let depth = pick([1, 2, 40, 200], draw) ?? 1; depth > 0; depth--) {
          members[key] = draw(2) === 0 ? [members[key] ?? null] : { [name]: members[key] ?? null };
        }
        break;
      }
      default: {
        const [other, name] = pick(holders, draw) ?? holder;
        members[key] = structuredClone((other as Record<string, Json>)[name] ?? null);
      }
    }
    if (JSON.stringify(root).length > 60_000) root = JSON.parse(text);
  }
  // What JSON itself has and JSON.stringify does not write.
  return JSON.stringify(root).replace(draw(8) === 0 ? /"1000000000"/ : /$^/, pick(["1e999", "-0", "01"], draw) ?? "");
}

/** All members and items, with what holds them. */
function holdersIn(value: Json, depth = 0): [Json[] | { [key: string]: Json }, string][] {
  if (typeof value !== "object" || value === null || depth > 30) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    [value, key] as [typeof value, string],
    ...holdersIn(inner, depth + 1),
  ]);
}

function pick<T>(from: readonly T[], draw: Draw): T | undefined {
  return from[draw(from.length)];
}
