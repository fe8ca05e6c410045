import { ObjectCopier } from "./object-copier.js";
import { joinSigned, joinUnsigned, RawMemory } from "./raw-memory.js";
import { StringDecoder } from "./string-decoder.js";
import type { FormatField, TraceFormat } from "./trace-format.js";

export type IntegerArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array;

/**
 * - integers up to 32 bits: number; of 64 bits, and pointers: a number where it is a safe integer, else a bigint
 * - strings: string, up to the first NUL, UTF-8; a byte that is none is a lone surrogate, U+DC80 … U+DCFF for 0x80 … 0xff
 * - other arrays: a copy
 */
export type TraceValue = number | bigint | string | IntegerArray | string[];

/**
 * The data of a trace event: one property a field, decoded when it is read. It is a cursor: valid during the handler's
 * call, then it stands on another record. {@link decodeObject} copies it.
 */
export type TraceFields = { readonly [field: string]: TraceValue };

const copierOf = Symbol("copier");

/** A plain object of the event's own fields (not the common ones). */
export function decodeObject<F extends object>(data: F): { -readonly [K in keyof F]: F[K] } {
  const copier = (data as { [copierOf]?: ObjectCopier })[copierOf];
  if (copier === undefined) throw new TypeError("decodeObject: not the data of a trace event");
  return copier.copy(data as TraceFields) as { -readonly [K in keyof F]: F[K] };
}

/** Makes cursors over one memory. */
export class FieldDecoder {
  readonly #memory: RawMemory;
  readonly #strings: StringDecoder;

  constructor(memory: RawMemory) {
    this.#memory = memory;
    this.#strings = new StringDecoder(memory);
  }

  /** A cursor for records of `format`, which reads at the memory's current place. */
  cursor(format: TraceFormat): TraceFields {
    return createCursor(format, (field) => reader(field, this.#memory, this.#strings));
  }
}

/**
 * Decodes raw data that lies anywhere, or that is shorter than its format says: what is not there reads as 0 or "".
 * Good for single records, not for a stream.
 */
export function decodeRaw(format: TraceFormat, raw: Uint8Array): TraceFields {
  const size = Math.max(format.size, raw.length);
  const memory = new RawMemory(new ArrayBuffer((size + 23) & ~7));
  memory.u8.set(raw);
  memory.move(0, size);
  return new FieldDecoder(memory).cursor(format);
}

function createCursor(format: TraceFormat, readerOf: (field: FormatField) => () => TraceValue): TraceFields {
  const prototype = {};
  for (const field of [...format.common, ...format.fields]) {
    Object.defineProperty(prototype, field.name, { get: readerOf(field), enumerable: true, configurable: true });
  }
  Object.defineProperty(prototype, copierOf, { value: new ObjectCopier(format.fields.map(({ name }) => name)) });
  return Object.create(prototype);
}

/**
 * The function that reads one field. Each is a closure over constants, which V8 inlines where it is called.
 */
function reader(field: FormatField, memory: RawMemory, strings: StringDecoder): () => TraceValue {
  if (field.dynamic !== undefined) return dynamicReader(field, memory, strings);
  const { offset, size, count } = field;
  switch (field.kind) {
    case "integer":
    case "pointer":
      return integerReader(field, memory);
    case "string":
      if (size === 0) return () => strings.decode(memory.start + offset, memory.size - offset);
      return () => strings.decode(memory.start + offset, size);
    case "array":
    case "bytes": {
      const copy = arrayCopier(field, memory);
      if (size === 0) return () => copy(memory.start + offset, memory.size - offset);
      return () => copy(memory.start + offset, count * field.elementSize);
    }
    case "strings":
      throw new TypeError(`${field.name}: strings are always dynamic`);
  }
}

function integerReader({ offset, elementSize, signed }: FormatField, memory: RawMemory): () => number | bigint {
  const { u8, i8, u16, i16, u32, i32, view } = memory;
  const aligned = offset % Math.min(elementSize, 4) === 0;
  const halfWord = offset >> 1;
  const word = offset >> 2;
  switch (elementSize) {
    case 1:
      return signed ? () => i8[memory.start + offset]! : () => u8[memory.start + offset]!;
    case 2:
      if (!aligned) {
        return signed
          ? () => view.getInt16(memory.start + offset, true)
          : () => view.getUint16(memory.start + offset, true);
      }
      return signed ? () => i16[(memory.start >> 1) + halfWord]! : () => u16[(memory.start >> 1) + halfWord]!;
    case 4:
      if (!aligned) {
        return signed
          ? () => view.getInt32(memory.start + offset, true)
          : () => view.getUint32(memory.start + offset, true);
      }
      return signed ? () => i32[(memory.start >> 2) + word]! : () => u32[(memory.start >> 2) + word]!;
    default:
      if (!aligned) {
        return signed
          ? () =>
              joinSigned(view.getInt32(memory.start + offset + 4, true), view.getUint32(memory.start + offset, true))
          : () =>
              joinUnsigned(
                view.getUint32(memory.start + offset + 4, true),
                view.getUint32(memory.start + offset, true),
              );
      }
      return signed
        ? () => joinSigned(i32[(memory.start >> 2) + word + 1]!, u32[(memory.start >> 2) + word]!)
        : () => joinUnsigned(u32[(memory.start >> 2) + word + 1]!, u32[(memory.start >> 2) + word]!);
  }
}

/** A field whose place in the raw data stands in the raw data: a place outside of it reads as empty. */
function dynamicReader(field: FormatField, memory: RawMemory, strings: StringDecoder): () => TraceValue {
  const { view } = memory;
  const { offset, count } = field;
  const relative = field.dynamic === "rel_loc";
  const startOf = (at: number) => (view.getUint16(memory.start + at, true) + (relative ? at + 4 : 0)) | 0;
  const lengthOf = (at: number, start: number) =>
    Math.min(view.getUint16(memory.start + at + 2, true), memory.size - start);
  const text = (at: number) => {
    const start = startOf(at);
    return strings.decode(memory.start + start, lengthOf(at, start));
  };
  if (field.kind === "string") return () => text(offset);
  if (field.kind === "strings") return () => Array.from({ length: count }, (_, index) => text(offset + index * 4));
  const copy = arrayCopier(field, memory);
  return () => {
    const start = startOf(offset);
    return copy(memory.start + start, lengthOf(offset, start));
  };
}

/** Copies the whole elements in `length` bytes at byte offset `at`. */
function arrayCopier(
  { elementSize, signed, kind }: FormatField,
  memory: RawMemory,
): (at: number, length: number) => IntegerArray {
  const types = signed
    ? { 1: Int8Array, 2: Int16Array, 4: Int32Array, 8: BigInt64Array }
    : { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array };
  const ArrayType = kind === "bytes" ? Uint8Array : types[elementSize as 1 | 2 | 4 | 8];
  return (at, length) => {
    const whole = Math.max(0, length - (length % elementSize));
    return new ArrayType(memory.u8.slice(at, at + whole).buffer);
  };
}
