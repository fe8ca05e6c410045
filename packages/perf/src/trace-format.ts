import { PerfError } from "./errors.js";

/** How a field's bytes are to be understood. */
export type FieldKind =
  /** A number of `elementSize` bytes. */
  | "integer"
  /** An address. */
  | "pointer"
  /** Characters up to the first NUL. */
  | "string"
  /** Integers of `elementSize` bytes. */
  | "array"
  /** Several dynamic strings (a probe's `string[N]` argument). */
  | "strings"
  /** Anything else, as it lies there. */
  | "bytes";

/** One field of a tracefs format. */
export interface FormatField {
  readonly name: string;
  /** The C type as tracefs prints it, array brackets included, such as `__data_loc char[]`. */
  readonly type: string;
  /** Bytes from the start of the raw data. */
  readonly offset: number;
  /** Bytes in the fixed part of the raw data; 0: up to the end of the raw data. */
  readonly size: number;
  readonly signed: boolean;
  readonly kind: FieldKind;
  /**
   * The fixed part holds `u16 offset, u16 length` of the field's bytes: `data_loc` from the start of the raw data,
   * `rel_loc` from the end of that pair.
   */
  readonly dynamic?: "data_loc" | "rel_loc";
  /**
   * Bytes of one element. For an integer this is the width that counts: system call arguments lie in 8 bytes, of which
   * an `int` means the lower 4.
   */
  readonly elementSize: number;
  /** Elements; 0 where the length is only known from the data. */
  readonly count: number;
}

/** `events/SYSTEM/NAME/format` of tracefs (Documentation/trace/events.rst). */
export interface TraceFormat {
  readonly name: string;
  /** What `perf_event_attr.config` takes to open the event. */
  readonly id: number;
  /** The fields that every event has (`common_type`, `common_pid`, …). */
  readonly common: readonly FormatField[];
  /** The event's own fields. */
  readonly fields: readonly FormatField[];
  /** Bytes of the fixed part of the raw data. */
  readonly size: number;
}

/** Bytes of the longest perf record. */
const MAX_RECORD = 65_535;

/**
 * Reads the text of a format file.
 *
 * @throws PerfError `invalid`
 */
export function parseTraceFormat(text: string): TraceFormat {
  const name = /^name: (\S+)$/m.exec(text)?.[1];
  const id = /^ID: (\d+)$/m.exec(text)?.[1];
  if (name === undefined || id === undefined) throw malformed(name, "no name or no ID");
  const groups: FormatField[][] = [[]];
  for (const line of text.slice(text.indexOf("\nformat:")).split("\n")) {
    if (line.startsWith("print fmt:")) break;
    // An empty line parts the common fields from the event's own.
    if (line === "" && groups.at(-1)?.length !== 0) groups.push([]);
    else if (line.trimStart().startsWith("field")) groups.at(-1)?.push(parseField(line, name));
  }
  const [common = [], ...own] = groups;
  const fields = own.flat();
  const size = [...common, ...fields].reduce((end, field) => Math.max(end, field.offset + field.size), 0);
  return { name, id: Number(id), common, fields, size };
}

/** Bytes of C types whose width is the same on every 64-bit Linux, where tracefs does not tell it. */
const widths: Readonly<Record<string, { size: number; signed: boolean }>> = {
  char: { size: 1, signed: true },
  bool: { size: 1, signed: false },
  short: { size: 2, signed: true },
  int: { size: 4, signed: true },
  long: { size: 8, signed: true },
  "long long": { size: 8, signed: true },
  "unsigned char": { size: 1, signed: false },
  "unsigned short": { size: 2, signed: false },
  "unsigned int": { size: 4, signed: false },
  unsigned: { size: 4, signed: false },
  "unsigned long": { size: 8, signed: false },
  "unsigned long long": { size: 8, signed: false },
  size_t: { size: 8, signed: false },
  umode_t: { size: 2, signed: false },
  pid_t: { size: 4, signed: true },
  uid_t: { size: 4, signed: false },
  gid_t: { size: 4, signed: false },
  qid_t: { size: 4, signed: false },
  key_t: { size: 4, signed: true },
  key_serial_t: { size: 4, signed: true },
  mqd_t: { size: 4, signed: true },
  clockid_t: { size: 4, signed: true },
  timer_t: { size: 4, signed: true },
  ...Object.fromEntries(
    [8, 16, 32, 64].flatMap((bits) => [
      ...[`u${bits}`, `__u${bits}`, `uint${bits}_t`].map((type) => [type, { size: bits / 8, signed: false }]),
      ...[`s${bits}`, `__s${bits}`, `int${bits}_t`].map((type) => [type, { size: bits / 8, signed: true }]),
    ]),
  ),
};

const fieldLine = /^\s*field(?: special)?:\s*([^;]+?)\s*;\s*offset:(\d+);\s*size:(\d+);(?:\s*signed:(\d);)?\s*$/;
/** Type, name and array brackets after the name. */
const declaration = /^(.*[\s*\]])(\w+)\s*((?:\[[^\]]*\])*)$/;

function parseField(line: string, event: string): FormatField {
  const [, text = "", offset, size, signed] = fieldLine.exec(line) ?? [];
  const [, before, name, after = ""] = declaration.exec(text) ?? [];
  if (before === undefined || name === undefined) throw malformed(event, `not a field: ${JSON.stringify(line.trim())}`);
  const type = before.trim() + after;
  const field = {
    name,
    type,
    offset: Number(offset),
    size: Number(size),
    ...classify(type, Number(size), signed === "1"),
  };
  if (field.offset + field.size > MAX_RECORD) throw malformed(event, `${name} lies outside of what a record can hold`);
  if (field.dynamic !== undefined && (field.size < 4 || field.size % 4 !== 0)) {
    throw malformed(event, `${name} has ${field.size} bytes for where it is`);
  }
  return field;
}

type Classified = Pick<FormatField, "kind" | "dynamic" | "elementSize" | "count" | "signed">;

function classify(type: string, size: number, signed: boolean): Classified {
  const dynamic = /^__(data_loc|rel_loc)\b/.exec(type)?.[1] as "data_loc" | "rel_loc" | undefined;
  const brackets = [...type.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1] ?? "");
  const element = type
    .replace(/\[.*$/, "")
    .replace(/\b(__data_loc|__rel_loc|const|volatile)\b/g, "")
    .replace(/\s+/g, " ")
    .trim();
  if (dynamic !== undefined) return { dynamic, ...classifyDynamic(element, brackets, size, signed) };
  if (brackets.length > 0) return classifyArray(element, brackets, size, signed);
  if (element.endsWith("*") && size === 8) return { kind: "pointer", elementSize: 8, count: 1, signed: false };
  if (![1, 2, 4, 8].includes(size)) return { kind: "bytes", elementSize: 1, count: size, signed: false };
  const known = widths[element];
  // A kernel's `signed` is that of the 8-byte slot, not of the narrower argument in it.
  const narrow = known !== undefined && known.size < size;
  return {
    kind: "integer",
    elementSize: narrow ? known.size : size,
    count: 1,
    signed: narrow ? known.signed : signed,
  };
}

function classifyDynamic(element: string, brackets: string[], size: number, signed: boolean): Classified {
  if (element === "char") {
    return brackets.length > 1
      ? { kind: "strings", elementSize: 4, count: size / 4, signed }
      : { kind: "string", elementSize: 1, count: 0, signed };
  }
  const known = brackets.length > 0 ? widths[element] : undefined;
  if (known === undefined) return { kind: "bytes", elementSize: 1, count: 0, signed: false };
  return { kind: "array", elementSize: known.size, count: 0, signed: known.signed };
}

function classifyArray(element: string, brackets: string[], size: number, signed: boolean): Classified {
  // Kernels before 5.x call plain `char` signed, later ones do not; `unsigned char` and `u8` are numbers in both.
  if (element === "char" && brackets.length === 1) return { kind: "string", elementSize: 1, count: size, signed };
  const count = Number.parseInt(brackets[0] ?? "", 10);
  const known = element.endsWith("*") ? { size: 8, signed: false } : widths[element];
  const elementSize = known?.size ?? (count > 0 ? size / count : 1);
  if (![1, 2, 4, 8].includes(elementSize) || size % elementSize !== 0) {
    return { kind: "bytes", elementSize: 1, count: size, signed: false };
  }
  return { kind: "array", elementSize, count: size / elementSize, signed: known?.signed ?? signed };
}

function malformed(event: string | undefined, cause: string): PerfError {
  return new PerfError("invalid", { operation: "parseTraceFormat", subject: event, cause });
}
