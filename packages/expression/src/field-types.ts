/** Type of an event's field, or of a value that it is compared with. */
export type FieldType =
  | "string"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "bool"
  | "double"
  | "timestamp";

/** The fields that an event of a kind may have: name to type. A name is a C identifier. */
export type FieldTypes = Readonly<Record<string, FieldType>>;

/** Lowest and highest value of an integer type. */
export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

const integers: Readonly<Partial<Record<FieldType, IntegerRange>>> = {
  int8: integer(8, true),
  int16: integer(16, true),
  int32: integer(32, true),
  int64: integer(64, true),
  uint8: integer(8, false),
  uint16: integer(16, false),
  uint32: integer(32, false),
  uint64: integer(64, false),
};

/** The range of an integer type; undefined for the other types. */
export function integerRange(type: FieldType): IntegerRange | undefined {
  return integers[type];
}

/** The type of a field; undefined where there is none of that name. */
export function typeOfField(types: FieldTypes, name: string): FieldType | undefined {
  return Object.hasOwn(types, name) ? types[name] : undefined;
}

/** Says which fields there are, for an error's remedy. */
export function listFields(types: FieldTypes): string {
  const names = Object.keys(types);
  return names.length === 0 ? "there are none here" : `the fields are ${names.join(", ")}`;
}

function integer(bits: IntegerRange["bits"], signed: boolean): IntegerRange {
  const values = 1n << BigInt(bits);
  return signed
    ? { min: -values / 2n, max: values / 2n - 1n, bits, signed }
    : { min: 0n, max: values - 1n, bits, signed };
}
