import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Expression, FieldType, Value } from "@kernscope/expression";
import {
  type ExpressionSchema,
  Expression_ExpressionType as Type,
  type ValueSchema,
  ValueType,
} from "@kernscope/telemetry-api";

type WireExpression = MessageInitShape<typeof ExpressionSchema>;
type WireValue = MessageInitShape<typeof ValueSchema>;

const binaryTypes = {
  and: Type.LOGICAL_AND,
  or: Type.LOGICAL_OR,
  eq: Type.EQ,
  ne: Type.NE,
  lt: Type.LT,
  le: Type.LE,
  gt: Type.GT,
  ge: Type.GE,
  like: Type.LIKE,
  bitwiseAnd: Type.BITWISE_AND,
} as const;

const unaryTypes = { not: Type.LOGICAL_NOT, isNull: Type.IS_NULL, isNotNull: Type.IS_NOT_NULL } as const;

const valueTypes: Readonly<Record<FieldType, ValueType>> = {
  string: ValueType.STRING,
  int8: ValueType.SINT8,
  int16: ValueType.SINT16,
  int32: ValueType.SINT32,
  int64: ValueType.SINT64,
  uint8: ValueType.UINT8,
  uint16: ValueType.UINT16,
  uint32: ValueType.UINT32,
  uint64: ValueType.UINT64,
  bool: ValueType.BOOL,
  double: ValueType.DOUBLE,
  timestamp: ValueType.TIMESTAMP,
};

/** An expression as the API has it. `and` and `or` of many become a tree that is as low as can be. */
export function expressionToProto(node: Expression): WireExpression {
  switch (node.type) {
    case "identifier":
      return { type: Type.IDENTIFIER, expr: { case: "identifier", value: node.name } };
    case "value":
      return { type: Type.VALUE, expr: { case: "value", value: valueToProto(node) } };
    case "not":
    case "isNull":
    case "isNotNull":
      return { type: unaryTypes[node.type], expr: { case: "unaryOp", value: expressionToProto(node.operand) } };
    case "and":
    case "or":
      return joined(binaryTypes[node.type], node.operands.map(expressionToProto));
    default:
      return binary(binaryTypes[node.type], expressionToProto(node.left), expressionToProto(node.right));
  }
}

function joined(type: Type, operands: readonly WireExpression[]): WireExpression {
  const half = operands.length >> 1;
  if (half === 0) return operands[0] as WireExpression;
  return binary(type, joined(type, operands.slice(0, half)), joined(type, operands.slice(half)));
}

function binary(type: Type, lhs: WireExpression, rhs: WireExpression): WireExpression {
  return { type, expr: { case: "binaryOp", value: { lhs, rhs } } };
}

function valueToProto({ valueType, value }: Value): WireValue {
  const type = valueTypes[valueType];
  if (typeof value === "string") return { type, value: { case: "stringValue", value } };
  if (typeof value === "boolean") return { type, value: { case: "boolValue", value } };
  if (valueType === "double") return { type, value: { case: "doubleValue", value: Number(value) } };
  const integer = BigInt(value);
  if (valueType === "timestamp") {
    const nanos = ((integer % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
    const seconds = (integer - nanos) / 1_000_000_000n;
    return { type, value: { case: "timestampValue", value: { seconds, nanos: Number(nanos) } } };
  }
  return { type, value: { case: valueType.startsWith("u") ? "unsignedValue" : "signedValue", value: integer } };
}
