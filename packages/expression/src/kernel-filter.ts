import { and, type Expression, type Identifier, type Value } from "./expression.js";
import { type FieldType, type FieldTypes, integerRange, typeOfField } from "./field-types.js";
import { kernelPattern } from "./kernel-pattern.js";
import { limits } from "./limits.js";
import { conjuncts, oppositeComparison } from "./negation.js";
import { comparisonSigns } from "./print.js";
import { utf8Length } from "./utf8.js";
import { validateJoined } from "./validate.js";

/** What of the fields the kernel's record of the event has. */
export interface KernelFilterOptions {
  /**
   * Fields that the kernel knows by another name or not at all (`null`); the others have the same name there. What the
   * kernel knows has to be in every record of the event and to have the meaning and, unless it says otherwise, the type
   * of the field. Beside plain names `name.ustring` is understood, for a pointer to a string in user space.
   */
  readonly fields?: Readonly<Record<string, string | KernelField | null>> | undefined;
  /** Bytes that the filter may have; {@link limits}`.kernelFilterBytes` by default. */
  readonly maxBytes?: number | undefined;
}

/** A field of the kernel's record. */
export interface KernelField {
  readonly name: string;
  /** Its type in the kernel's record, as its format file tells. */
  readonly type: FieldType;
}

/** An expression cut in two: an event passes where the kernel's part and the rest do. */
export interface KernelFilter {
  /** Text for the event's filter; undefined where the kernel can do nothing of it. */
  readonly filter: string | undefined;
  /** What has to be evaluated here; undefined where the kernel does all of it. */
  readonly rest: Expression | undefined;
}

/** One of the parts that all have to be true. */
export interface KernelPart {
  readonly expression: Expression;
  /** Its text in the kernel's filter language; undefined where it is evaluated here. */
  readonly filter: string | undefined;
  /** Why the kernel cannot do it; undefined where it does. */
  readonly reason: string | undefined;
}

/**
 * Translates what the kernel can do of an expression: those of its AND-parts that the kernel's filter language can say
 * with the same meaning. `filter && rest` passes exactly what the expression passes.
 *
 * @throws ExpressionError as `validate`, but a tree that was put together from valid ones is not too large; TypeError for
 *   a kernel field's name that is none
 */
export function toKernelFilter(
  expression: Expression,
  types: FieldTypes,
  options: KernelFilterOptions = {},
): KernelFilter {
  const parts = kernelParts(expression, types, options);
  const texts = parts.flatMap(({ filter }) => filter ?? []);
  const rest = parts.filter(({ filter }) => filter === undefined).map((part) => part.expression);
  return {
    filter: texts.length === 0 ? undefined : texts.join(JOIN),
    rest: texts.length === 0 ? expression : isFilled(rest) ? and(...rest) : undefined,
  };
}

/** The AND-parts of an expression, each with its text for the kernel or the reason why it has none. */
export function kernelParts(expression: Expression, types: FieldTypes, options: KernelFilterOptions): KernelPart[] {
  validateJoined(expression, types);
  const writer = new Writer(types, options.fields ?? {});
  const max = Math.min(options.maxBytes ?? limits.kernelFilterBytes, limits.kernelFilterBytes);
  let bytes = 0;
  return conjuncts(expression).map((part) => {
    try {
      const filter = writer.write(part, false, "&&");
      const more = (bytes === 0 ? 0 : JOIN.length) + utf8Length(filter);
      if (bytes + more > max) throw new Untranslatable(`the kernel's filter would have more than ${max} bytes`);
      bytes += more;
      return { expression: part, filter, reason: undefined };
    } catch (error) {
      if (!(error instanceof Untranslatable)) throw error;
      return { expression: part, filter: undefined, reason: error.message };
    }
  });
}

const JOIN = " && ";
/** Bits of a mask that are tested one by one: one test each. */
const MOST_BITS = 16;

/** A node that the kernel cannot evaluate; the message says why. */
class Untranslatable extends Error {}

class Writer {
  readonly #types: FieldTypes;
  readonly #fields: NonNullable<KernelFilterOptions["fields"]>;

  constructor(types: FieldTypes, fields: NonNullable<KernelFilterOptions["fields"]>) {
    this.#types = types;
    this.#fields = fields;
  }

  /** Negations are carried down, so that the text has none but before a single test. */
  write(node: Expression, isNegated: boolean, around: "&&" | "||"): string {
    switch (node.type) {
      case "not":
        return this.write(node.operand, !isNegated, around);
      case "and":
      case "or": {
        const sign = (node.type === "and") === isNegated ? "||" : "&&";
        const text = node.operands.map((operand) => this.write(operand, isNegated, sign)).join(` ${sign} `);
        return sign === around ? text : `(${text})`;
      }
      case "identifier":
        return `${this.#field(node).name} ${isNegated ? "==" : "!="} 0`;
      case "isNull":
      case "isNotNull":
        throw new Untranslatable("the kernel does not know of absent fields");
      case "like":
        return this.#like(node.left, node.right as Value, isNegated);
      case "bitwiseAnd":
        return this.#masked(node, 0n, isNegated, around);
      case "value":
        throw new Untranslatable("a value is no condition");
      default: {
        const { value, valueType } = node.right as Value;
        if (node.left.type === "bitwiseAnd") {
          return this.#masked(node.left, BigInt(value as number | bigint), (node.type === "ne") === isNegated, around);
        }
        const sign = comparisonSigns[isNegated ? oppositeComparison[node.type] : node.type];
        const { name } = this.#field(node.left);
        return `${name} ${sign} ${valueType === "string" ? quoted(value as string) : BigInt(value)}`;
      }
    }
  }

  #like(left: Expression, right: Value, isNegated: boolean): string {
    const pattern = kernelPattern(right.value as string);
    if (pattern === undefined) throw new Untranslatable("kernels read on behind the text where a pattern has [! in it");
    const test = `${this.#field(left).name} ~ ${quoted(pattern)}`;
    return isNegated ? `!(${test})` : test;
  }

  /** `(field & mask) == constant`, or that it is not. The kernel can only tell whether a bit is left of a mask. */
  #masked(node: Expression & { type: "bitwiseAnd" }, constant: bigint, isEqual: boolean, around: "&&" | "||"): string {
    const type = typeOfField(this.#types, (node.left as Identifier).name) as FieldType;
    const { bits = 64 } = integerRange(type) ?? {};
    const mask = BigInt.asUintN(bits, BigInt((node.right as Value).value as number | bigint));
    const wanted = BigInt.asUintN(bits, constant);
    if ((wanted & ~mask) !== 0n) throw new Untranslatable("no value of the masked field is equal to that one");
    const { name } = this.#field(node.left);
    const set = [...Array(bits).keys()].map((bit) => 1n << BigInt(bit)).filter((bit) => (wanted & bit) !== 0n);
    if (set.length > MOST_BITS) throw new Untranslatable(`more than ${MOST_BITS} bits to compare one by one`);
    const unset = mask & ~wanted;
    const test = (bit: bigint, isSet: boolean) => {
      const text = `${name} & ${signed(bit, bits, type)}`;
      return isSet ? text : `!(${text})`;
    };
    const tests = set.map((bit) => test(bit, isEqual));
    if (unset !== 0n) tests.push(test(unset, !isEqual));
    if (tests.length === 0) throw new Untranslatable("an empty mask");
    const sign = isEqual ? "&&" : "||";
    const text = tests.join(` ${sign} `);
    return tests.length === 1 || sign === around ? text : `(${text})`;
  }

  /** The kernel's field, which must be able to hold whatever the field can. */
  #field(node: Expression): KernelField {
    const { name } = node as Identifier;
    const type = typeOfField(this.#types, name) as FieldType;
    if (type === "double" || type === "timestamp") throw new Untranslatable(`the kernel has no fields of type ${type}`);
    const known = Object.hasOwn(this.#fields, name) ? this.#fields[name] : name;
    if (known === null || known === undefined) throw new Untranslatable(`the kernel's record has no ${name}`);
    const field = typeof known === "string" ? { name: known, type } : known;
    if (!/^[A-Za-z_]\w*(?:\.ustring)?$/.test(field.name)) {
      throw new TypeError(`toKernelFilter(${JSON.stringify(field.name)}): no name of a kernel's field`);
    }
    if (!isWithin(type, field.type)) throw new Untranslatable(`${name} is ${type}, but ${field.type} in the kernel`);
    return field;
  }
}

/** Every value of a type is the same value of the other. */
function isWithin(type: FieldType, other: FieldType): boolean {
  const [inner, outer] = [integerRange(type), integerRange(other)];
  if (inner === undefined || outer === undefined) return type === other || (type === "bool" && other === "uint8");
  return inner.signed === outer.signed && inner.bits <= outer.bits;
}

/** A mask's decimal form in a field's type. */
function signed(mask: bigint, bits: number, type: FieldType): string {
  return (integerRange(type)?.signed ? BigInt.asIntN(bits, mask) : mask).toString();
}

/** A string in quotes. The kernel knows no escapes, so that what it could not tell from the end of the string is not for it. */
function quoted(text: string): string {
  if (text.includes('"') && text.includes("'"))
    throw new Untranslatable("the kernel cannot quote a text with both kinds of quotes");
  if (/\p{Cc}/u.test(text)) throw new Untranslatable("a control character in the text");
  if (utf8Length(text) > limits.patternBytes)
    throw new Untranslatable(`the kernel compares with ${limits.patternBytes} bytes at the most`);
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

function isFilled(list: readonly Expression[]): list is [Expression, ...Expression[]] {
  return list.length > 0;
}
