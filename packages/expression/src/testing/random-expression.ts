import {
  type ComparisonOperator,
  type Expression,
  identifier,
  like,
  masked,
  type Value,
  value,
} from "../expression.js";
import { type FieldType, type FieldTypes, integerRange } from "../field-types.js";
import { canonicalInteger } from "../integer.js";
import type { Random } from "./random.js";
import { numbers } from "./vectors.js";

const equality: readonly ComparisonOperator[] = ["eq", "ne"];
const order: readonly ComparisonOperator[] = ["eq", "ne", "lt", "le", "gt", "ge"];
const characters = [..."aab*?[]!-\\.c1é日", '"', "'", "\n", "\u202e", "😀", " "];

/** What random trees are made of. */
export interface RandomOptions {
  readonly types: FieldTypes;
  /** Conditions that ask for absent fields, too. */
  readonly withNull?: boolean;
  /** Characters of strings and patterns. */
  readonly characters?: readonly string[];
}

/** A valid expression of at most `depth` operators one in the other. */
export function randomExpression(random: Random, depth: number, options: RandomOptions): Expression {
  if (depth === 0 || random.below(3) === 0) return randomTest(random, options);
  if (random.below(4) === 0) return { type: "not", operand: randomExpression(random, depth - 1, options) };
  const operands = Array.from({ length: 2 + random.below(3) }, () => randomExpression(random, depth - 1, options));
  return { type: random.pick(["and", "or"] as const), operands };
}

function randomTest(random: Random, options: RandomOptions): Expression {
  const name = random.pick(Object.keys(options.types));
  const type = options.types[name] as FieldType;
  const field = identifier(name);
  if (options.withNull && random.below(8) === 0)
    return { type: random.pick(["isNull", "isNotNull"] as const), operand: field };
  const constant = () => randomValue(random, type, options);
  if (type === "string" && random.below(3) > 0) return like(name, randomText(random, options, 8));
  if (type === "bool" && random.below(2) === 0) return field;
  if (type === "string" || type === "bool") return { type: random.pick(equality), left: field, right: constant() };
  if (integerRange(type) === undefined || random.below(3) > 0) {
    return { type: random.pick(order), left: field, right: constant() };
  }
  const mask = masked(name, type, constant().value as number | bigint);
  return random.below(2) === 0 ? mask : { type: random.pick(equality), left: mask, right: constant() };
}

function randomValue(random: Random, type: FieldType, options: RandomOptions): Value {
  if (type === "string") return value(type, randomText(random, options, 8));
  if (type === "bool") return value(type, random.below(2) === 0);
  if (type === "double") return value(type, random.pick([0, -0, 0.5, -1, 1e21, 1e-7, 123456.789, Number.MAX_VALUE]));
  if (type === "timestamp") return value(type, BigInt(random.below(2 ** 32)) * 1_000_000_007n - 2n ** 60n);
  const { bits, signed } = integerRange(type) as NonNullable<ReturnType<typeof integerRange>>;
  const number = random.below(4) === 0 ? random.word() >> BigInt(random.below(64)) : random.pick(numbers);
  return value(type, canonicalInteger(signed ? BigInt.asIntN(bits, number) : BigInt.asUintN(bits, number)));
}

function randomText(random: Random, options: RandomOptions, longest: number): string {
  const length = random.below(longest);
  return Array.from({ length }, () => random.pick(options.characters ?? characters)).join("");
}
