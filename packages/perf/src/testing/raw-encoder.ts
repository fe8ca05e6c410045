import type { FormatField, TraceFormat } from "../trace-format.js";

/** Values of a trace event's fields; those left out are 0 or empty. */
export type FieldValues = Readonly<
  Record<string, number | bigint | boolean | string | ArrayLike<number | bigint> | string[]>
>;

const text = new TextEncoder();

/** Writes raw data as the kernel would, dynamic fields behind the fixed part. */
export function encodeRaw(format: TraceFormat, values: FieldValues): Uint8Array {
  const fields = [...format.common, ...format.fields];
  const names = new Set(fields.map(({ name }) => name));
  for (const name of Object.keys(values))
    if (!names.has(name)) throw new TypeError(`${format.name} has no field ${name}`);
  const tail: number[] = [];
  const fixed = new Uint8Array(format.size);
  const view = new DataView(fixed.buffer);
  if (format.common[0]?.name === "common_type") view.setUint16(0, format.id, true);
  for (const field of fields) {
    const value = values[field.name];
    if (value === undefined && field.dynamic === undefined) continue;
    if (field.dynamic === undefined) fixed.set(encodeFixed(field, value).subarray(0, field.size), field.offset);
    else encodeDynamic(field, value, view, tail);
  }
  const raw = new Uint8Array(format.size + tail.length);
  raw.set(fixed);
  raw.set(tail, format.size);
  return raw;
}

function encodeFixed(field: FormatField, value: unknown): Uint8Array {
  if (typeof value === "string") return text.encode(value);
  if (field.kind === "integer" || field.kind === "pointer") return word(value as number | bigint | boolean, field.size);
  return elements(value as ArrayLike<number | bigint>, field.elementSize);
}

function encodeDynamic(field: FormatField, value: unknown, view: DataView, tail: number[]): void {
  const parts = field.kind === "strings" ? ((value ?? []) as string[]) : [value ?? (field.kind === "string" ? "" : [])];
  for (const [index, part] of parts.entries()) {
    const bytes = typeof part === "string" ? text.encode(`${part}\0`) : elements(part as number[], field.elementSize);
    const at = field.offset + index * 4;
    const start = view.byteLength + tail.length;
    view.setUint16(at, field.dynamic === "rel_loc" ? start - at - 4 : start, true);
    view.setUint16(at + 2, bytes.length, true);
    tail.push(...bytes);
  }
}

function elements(values: ArrayLike<number | bigint>, size: number): Uint8Array {
  return Uint8Array.from(Array.from(values).flatMap((value) => [...word(value, size)]));
}

function word(value: number | bigint | boolean, size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes.subarray(0, size);
}
