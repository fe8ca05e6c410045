import type { FieldType, FieldTypes, TextEnd } from "@kernscope/expression";
import type { EventPayload } from "./payload.js";

/** A value as conditions see it; `undefined` where this event has none. */
export type FieldContent = string | TextEnd | number | bigint | boolean | undefined;

/** A field that conditions can name. */
export interface Field {
  readonly type: FieldType;
  /** Reads it from the payload's value. */
  // biome-ignore lint/suspicious/noExplicitAny: each table is made for the payload of its kind
  readonly read: (value: any) => FieldContent;
}

/** The fields of a kind of events, by name. */
export type FieldTable = Readonly<Record<string, Field>>;

export function field<V extends EventPayload["value"]>(type: FieldType, read: (value: V) => FieldContent): Field {
  return { type, read };
}

/** The types alone. */
export function fieldTypes(table: FieldTable): FieldTypes {
  return Object.fromEntries(Object.entries(table).map(([name, { type }]) => [name, type]));
}
