import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ExpressionError, limits, print, type Expression as Tree, validate } from "@kernscope/expression";
import {
  ExpressionSchema,
  Expression_ExpressionType as Type,
  type ValueSchema,
  ValueType,
} from "@kernscope/telemetry-api";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { expressionFromProto } from "./expression-from-proto.js";

type Init = MessageInitShape<typeof ExpressionSchema>;
type ValueInit = MessageInitShape<typeof ValueSchema>;

test("every type of node", () => {
  const number = constant(ValueType.SINT32, { case: "signedValue", value: 3n });
  const cases: [Init, string][] = [
    [binary(Type.EQ, field("a"), number), "a == 3"],
    [binary(Type.NE, field("a"), number), "a != 3"],
    [binary(Type.LT, field("a"), number), "a < 3"],
    [binary(Type.LE, field("a"), number), "a <= 3"],
    [binary(Type.GT, field("a"), number), "a > 3"],
    [binary(Type.GE, field("a"), number), "a >= 3"],
    [binary(Type.BITWISE_AND, field("a"), number), "a & 3"],
    [binary(Type.NE, binary(Type.BITWISE_AND, field("a"), number), number), "(a & 3) != 3"],
    [binary(Type.LIKE, field("s"), constant(ValueType.STRING, { case: "stringValue", value: "x*" })), 's ~ "x*"'],
    [unary(Type.IS_NULL, field("s")), "s is null"],
    [unary(Type.IS_NOT_NULL, field("s")), "s is not null"],
    [unary(Type.LOGICAL_NOT, field("b")), "!b"],
    [binary(Type.LOGICAL_OR, field("b"), unary(Type.LOGICAL_NOT, field("b"))), "b || !b"],
  ];
  for (const [message, text] of cases) {
    const tree = read(message);
    assert.is(print(tree), text);
    validate(tree, { a: "int32", s: "string", b: "bool" });
  }
});

test("every type of value", () => {
  const cases: [ValueType, NonNullable<ValueInit["value"]>, Tree & { type: "value" }][] = [
    [ValueType.STRING, { case: "stringValue", value: "é" }, { type: "value", valueType: "string", value: "é" }],
    [ValueType.SINT8, { case: "signedValue", value: -1n }, { type: "value", valueType: "int8", value: -1n }],
    [ValueType.SINT16, { case: "signedValue", value: -1n }, { type: "value", valueType: "int16", value: -1n }],
    [ValueType.SINT32, { case: "signedValue", value: -1n }, { type: "value", valueType: "int32", value: -1n }],
    [ValueType.SINT64, { case: "signedValue", value: -1n }, { type: "value", valueType: "int64", value: -1n }],
    [ValueType.UINT8, { case: "unsignedValue", value: 1n }, { type: "value", valueType: "uint8", value: 1n }],
    [ValueType.UINT16, { case: "unsignedValue", value: 1n }, { type: "value", valueType: "uint16", value: 1n }],
    [ValueType.UINT32, { case: "unsignedValue", value: 1n }, { type: "value", valueType: "uint32", value: 1n }],
    [ValueType.UINT64, { case: "unsignedValue", value: 1n }, { type: "value", valueType: "uint64", value: 1n }],
    [ValueType.BOOL, { case: "boolValue", value: false }, { type: "value", valueType: "bool", value: false }],
    [ValueType.DOUBLE, { case: "doubleValue", value: 0.5 }, { type: "value", valueType: "double", value: 0.5 }],
    [
      ValueType.TIMESTAMP,
      { case: "timestampValue", value: { seconds: -1n, nanos: 5 } },
      { type: "value", valueType: "timestamp", value: -999_999_995n },
    ],
  ];
  for (const [type, value, expected] of cases) {
    const tree = read(binary(Type.EQ, field("f"), constant(type, value)));
    assert.equal(tree.type === "eq" && tree.right, expected);
    validate(tree, { f: expected.valueType });
  }
});

test("a chain is one node, from whichever side it hangs", () => {
  const b = field("b");
  const left = binary(Type.LOGICAL_AND, binary(Type.LOGICAL_AND, b, b), binary(Type.LOGICAL_AND, b, b));
  assert.is(print(read(left)), "b && b && b && b");
  assert.is(print(read(binary(Type.LOGICAL_OR, left, b))), "b && b && b && b || b");
});

test("expression bomb: too deep and too large", () => {
  const nested = (depth: number, wrap: (inner: Init) => Init) => {
    let message = field("b");
    for (let level = 1; level < depth; level++) message = wrap(message);
    return message;
  };
  for (const wrap of [
    (inner: Init) => unary(Type.LOGICAL_NOT, inner),
    (inner: Init) => binary(Type.LOGICAL_AND, inner, field("b")),
    (inner: Init) => binary(Type.LOGICAL_OR, field("b"), inner),
  ]) {
    read(nested(limits.depth, wrap));
    refused(nested(limits.depth + 1, wrap), "limit");
  }
  const balanced = (leaves: number): Init =>
    leaves === 1
      ? field("b")
      : binary(Type.LOGICAL_OR, balanced(Math.floor(leaves / 2)), balanced(Math.ceil(leaves / 2)));
  read(balanced(limits.nodes / 2));
  refused(balanced(limits.nodes / 2 + 1), "limit");
});

test("nodes that have not what their type says", () => {
  const three: ValueInit["value"] = { case: "signedValue", value: 3n };
  for (const message of [
    {},
    { type: Type.IDENTIFIER },
    { type: Type.VALUE },
    { type: 77 as Type, expr: { case: "identifier", value: "a" } },
    { type: Type.EQ, expr: { case: "identifier", value: "a" } },
    { type: Type.EQ, expr: { case: "binaryOp", value: {} } },
    { type: Type.LOGICAL_NOT, expr: { case: "binaryOp", value: { lhs: field("b"), rhs: field("b") } } },
    unary(Type.EQ, field("a")),
    constant(ValueType.VALUETYPE_UNSPECIFIED, three),
    constant(99 as ValueType, three),
    constant(ValueType.UINT8, three),
    constant(ValueType.STRING, { case: undefined }),
    constant(ValueType.TIMESTAMP, { case: "timestampValue", value: { seconds: 0n, nanos: -1 } }),
  ] as Init[]) {
    refused(message, "type");
  }
});

function read(message: Init): Tree {
  return expressionFromProto(create(ExpressionSchema, message));
}

function refused(message: Init, code: string): void {
  try {
    read(message);
  } catch (error) {
    assert.instance(error, ExpressionError);
    assert.is((error as ExpressionError).code, code);
    return;
  }
  assert.unreachable("not refused");
}

function field(name: string): Init {
  return { type: Type.IDENTIFIER, expr: { case: "identifier", value: name } };
}

function constant(type: ValueType, value: NonNullable<ValueInit["value"]>): Init {
  return { type: Type.VALUE, expr: { case: "value", value: { type, value } } };
}

function binary(type: Type, lhs: Init, rhs: Init): Init {
  return { type, expr: { case: "binaryOp", value: { lhs, rhs } } };
}

function unary(type: Type, operand: Init): Init {
  return { type, expr: { case: "unaryOp", value: operand } };
}

test.run();
