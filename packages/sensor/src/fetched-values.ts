import type { FieldType as ConditionType } from "@kernscope/expression";
import {
  type EventId,
  type EventMonitor,
  type FormatField,
  parseFetchArgument,
  probeLine,
  type TraceFields,
  type TraceValue,
} from "@kernscope/perf";
import { type Field, type FieldContent, type FieldTable, field } from "./field-table.js";
import { FieldType, type FieldValue, type FunctionCallPayload } from "./payload.js";

/**
 * The fields of conditions on what a probe fetches.
 *
 * @param place where the probe goes, as {@link probeLine} takes it
 * @throws PerfError `invalid` where something is not of the grammar
 */
export function fetchedFields(
  place: string,
  onReturn: boolean,
  args: Readonly<Record<string, string>> = {},
): FieldTable {
  probeLine({ event: "kernscope/check", place, onReturn, args });
  const entries = Object.entries(args).flatMap(([name, text]): [string, Field][] => {
    const type = conditionType(text);
    return type === undefined ? [] : [[name, field(type, reader(name))]];
  });
  return Object.fromEntries(entries);
}

/**
 * Arguments whose types do not depend on the kernel: one that knows its functions' types (CONFIG_PROBE_EVENTS_BTF_ARGS)
 * takes an untyped `$retval` for what the function returns, others for 64 bits, as {@link fetchedFields} do.
 */
export function typedArguments(args: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const typed = (text: string) => (text === "$retval" ? "$retval:u64" : text);
  return Object.fromEntries(Object.entries(args).map(([name, text]) => [name, typed(text)]));
}

/** The type of what is fetched; `undefined` where it is none that conditions know, or the kernel alone knows. */
function conditionType(text: string): ConditionType | undefined {
  const { expression, type, count } = parseFetchArgument(text);
  if (count !== undefined) return undefined;
  if (type === undefined) {
    if (expression === "$comm") return "string";
    // A parameter or variable by its name has the type that the kernel's debug information says.
    return /^[A-Za-z_]/.test(expression) ? undefined : "uint64";
  }
  if (/^(?:u?string|symstr|%p[dD])$/.test(type)) return "string";
  // To the kernel's filters it is a u8, whatever it is in C.
  if (type === "char") return "uint8";
  if (type === "symbol") return "uint64";
  const [, sign, bits] = /^(?:([usx])|b\d+@\d+\/)(\d+)$/.exec(type) ?? [];
  return `${sign === "s" ? "int" : "uint"}${bits}` as ConditionType;
}

function reader(name: string): (value: FunctionCallPayload) => FieldContent {
  return (value) => {
    const content = value.arguments[name]?.value?.value;
    return content instanceof Uint8Array ? undefined : content;
  };
}

/** Turns the data of a probe's records into the values of the API, typed as the event's format says. */
export class FetchedValues {
  readonly #monitor: EventMonitor;
  readonly #names: readonly string[];
  #converters: readonly (readonly [string, (value: TraceValue) => FieldValue])[] | undefined;

  constructor(monitor: EventMonitor, args: Readonly<Record<string, string>> = {}) {
    this.#monitor = monitor;
    this.#names = Object.keys(args);
  }

  read(id: EventId, data: TraceFields): FunctionCallPayload {
    this.#converters ??= this.#converterList(this.#monitor.fields(id));
    const values: Record<string, FieldValue> = Object.create(null);
    for (const [name, convert] of this.#converters) values[name] = convert(data[name]!);
    return { arguments: values };
  }

  #converterList(fields: readonly FormatField[]) {
    return this.#names.flatMap((name) => {
      const own = fields.find((each) => each.name === name);
      return own === undefined ? [] : [[name, converter(own)] as const];
    });
  }
}

const signedTypes: Readonly<Record<number, number>> = {
  1: FieldType.SINT8,
  2: FieldType.SINT16,
  4: FieldType.SINT32,
  8: FieldType.SINT64,
};
const unsignedTypes: Readonly<Record<number, number>> = {
  1: FieldType.UINT8,
  2: FieldType.UINT16,
  4: FieldType.UINT32,
  8: FieldType.UINT64,
};

function converter({ kind, elementSize, signed }: FormatField): (value: TraceValue) => FieldValue {
  switch (kind) {
    case "integer":
    case "pointer": {
      const fieldType = (signed ? signedTypes : unsignedTypes)[elementSize] ?? FieldType.UNKNOWN;
      const name = signed ? ("signedValue" as const) : ("unsignedValue" as const);
      return (value) => ({ fieldType, value: { case: name, value: value as number | bigint } });
    }
    case "string":
      return (value) => ({ fieldType: FieldType.STRING, value: { case: "stringValue", value: value as string } });
    case "strings":
      return (value) => bytes(Buffer.from((value as string[]).map((text) => `${text}\0`).join("")));
    default:
      return (value) => {
        const { buffer, byteOffset, byteLength } = value as Uint8Array;
        return bytes(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
      };
  }
}

function bytes(value: Uint8Array): FieldValue {
  return { fieldType: FieldType.BYTES, value: { case: "bytesValue", value } };
}
