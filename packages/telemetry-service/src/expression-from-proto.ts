import { type Expression, ExpressionError, limits, type Value } from "@kernscope/expression";
import {
  Expression_ExpressionType as Type,
  ValueType,
  type Expression as WireExpression,
  type Value as WireValue,
} from "@kernscope/telemetry-api";

const comparisons = {
  [Type.EQ]: "eq",
  [Type.NE]: "ne",
  [Type.LT]: "lt",
  [Type.LE]: "le",
  [Type.GT]: "gt",
  [Type.GE]: "ge",
  [Type.LIKE]: "like",
  [Type.BITWISE_AND]: "bitwiseAnd",
} as const;

const unaries = { [Type.IS_NULL]: "isNull", [Type.IS_NOT_NULL]: "isNotNull", [Type.LOGICAL_NOT]: "not" } as const;

const valueTypes = {
  [ValueType.STRING]: "string",
  [ValueType.SINT8]: "int8",
  [ValueType.SINT16]: "int16",
  [ValueType.SINT32]: "int32",
  [ValueType.SINT64]: "int64",
  [ValueType.UINT8]: "uint8",
  [ValueType.UINT16]: "uint16",
  [ValueType.UINT32]: "uint32",
  [ValueType.UINT64]: "uint64",
  [ValueType.BOOL]: "bool",
  [ValueType.DOUBLE]: "double",
  [ValueType.TIMESTAMP]: "timestamp",
} as const;

/**
 * Reads a filter expression of the wire as a tree; a chain of LOGICAL_AND or LOGICAL_OR becomes one node. Whether the tree
 * means something for an event, `validate` tells.
 *
 * @throws ExpressionError `limit` where the message is deeper or has more nodes than {@link limits} allow, `type` where a
 * node has not what its type says
 */
export function expressionFromProto(message: WireExpression): Expression {
  return new Reader().read(message, 1);
}

class Reader {
  #nodes = 0;

  read(message: WireExpression | undefined, depth: number): Expression {
    if (message === undefined) throw malformed("a node is missing", "set lhs and rhs");
    if (depth > limits.depth) throw new ExpressionError("limit", `deeper than ${limits.depth}`, "nest less");
    if (++this.#nodes > limits.nodes) {
      throw new ExpressionError("limit", `more than ${limits.nodes} nodes`, "ask for less");
    }
    const { type, expr } = message;
    if (type === Type.IDENTIFIER && expr.case === "identifier") return { type: "identifier", name: expr.value };
    if (type === Type.VALUE && expr.case === "value") return readValue(expr.value);
    if (expr.case === "unaryOp" && isKey(unaries, type)) {
      return { type: unaries[type], operand: this.read(expr.value, depth + 1) };
    }
    if (expr.case === "binaryOp" && (type === Type.LOGICAL_AND || type === Type.LOGICAL_OR)) {
      const junction = type === Type.LOGICAL_AND ? "and" : "or";
      const operands = [expr.value.lhs, expr.value.rhs].flatMap((side) => {
        const operand = this.read(side, depth + 1);
        return operand.type === junction ? operand.operands : [operand];
      });
      return { type: junction, operands };
    }
    if (expr.case === "binaryOp" && isKey(comparisons, type)) {
      const left = this.read(expr.value.lhs, depth + 1);
      return { type: comparisons[type], left, right: this.read(expr.value.rhs, depth + 1) };
    }
    throw malformed(`a node of type ${nameOf(Type, type)} with ${expr.case ?? "nothing"} set`, "see expression.proto");
  }
}

function readValue({ type, value }: WireValue): Value {
  if (!isKey(valueTypes, type)) throw malformed(`a value of type ${nameOf(ValueType, type)}`, "give one of ValueType");
  const valueType = valueTypes[type];
  const member = memberOf(valueType);
  if (value.case !== member) {
    throw malformed(`a value of type ${ValueType[type]} with ${value.case ?? "nothing"} set`, `set ${member}`);
  }
  if (value.case !== "timestampValue") return { type: "value", valueType, value: value.value as Value["value"] };
  const { seconds, nanos } = value.value;
  if (nanos < 0 || nanos > 999_999_999) throw malformed(`a timestamp with ${nanos} nanos`, "give 0 to 999999999");
  return { type: "value", valueType, value: seconds * 1_000_000_000n + BigInt(nanos) };
}

function memberOf(valueType: Value["valueType"]): WireValue["value"]["case"] {
  if (valueType.startsWith("int")) return "signedValue";
  if (valueType.startsWith("uint")) return "unsignedValue";
  return `${valueType as "string" | "bool" | "double" | "timestamp"}Value`;
}

function isKey<Table extends object>(table: Table, key: PropertyKey): key is keyof Table {
  return Object.hasOwn(table, key);
}

function nameOf(names: Readonly<Record<number, string>>, number: number): string {
  return names[number] ?? String(number);
}

function malformed(reason: string, remedy: string): ExpressionError {
  return new ExpressionError("type", reason, remedy);
}
