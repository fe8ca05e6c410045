import { ExpressionError, type Span } from "./errors.js";
import { type ComparisonOperator, type Expression, type Identifier, identifier, not } from "./expression.js";
import { type FieldType, type FieldTypes, listFields, typeOfField } from "./field-types.js";
import { type Token, tokenFrom } from "./lexer.js";
import { limits } from "./limits.js";
import { readValue } from "./literal.js";
import { placed, positionOf } from "./positions.js";
import { comparisonSigns } from "./print.js";
import { utf8Length } from "./utf8.js";
import { validate } from "./validate.js";

const comparisons = new Map(
  Object.entries(comparisonSigns).map(([type, sign]) => [sign, type as ComparisonOperator] as const),
);

/**
 * Reads the text form of an expression:
 *
 * - `filename ~ "/etc/*" && (flags & 3) != 0`: a field stands at the left, a value of its type at the right
 * - `!`, `&&`, `||`, and parentheses; operators bind as in C
 * - `==` and `!=` for every type, `<`, `<=`, `>`, `>=` for what has an order, `~` for patterns, see {@link Like}
 * - `flags & 3` where a bit is left; `cwd is null` and `cwd is not null`; a bool field by itself
 * - values: `10`, `-10`, `0xa`, `012`, `0.5`, `true`, `"text\n"`, `'text'`, `"2024-02-29T12:00:00Z"`
 *
 * @param types the fields that there are
 * @throws ExpressionError that points at the place; among others for whatever {@link validate} refuses
 */
export function parse(text: string, types: FieldTypes): Expression {
  if (text.length > limits.textBytes || utf8Length(text) > limits.textBytes) {
    const reason = `the text has more than ${limits.textBytes} bytes`;
    throw new ExpressionError("limit", reason, "ask for less", { start: 0, end: text.length });
  }
  const expression = new Parser(text, types).parse();
  validate(expression, types);
  return expression;
}

class Parser {
  readonly #text: string;
  readonly #types: FieldTypes;
  #next: Token;
  /** Where the last token that was taken ends. */
  #end = 0;
  #conditions = 0;
  /** Parentheses and negations around what is read. */
  #nesting = 0;

  constructor(text: string, types: FieldTypes) {
    this.#text = text;
    this.#types = types;
    this.#next = tokenFrom(text, 0);
  }

  parse(): Expression {
    const first = this.#next;
    if (first.kind === "end") throw syntax(first, "there is no condition", "write one, such as flags == 3");
    const expression = this.#junction("or");
    const rest = this.#next;
    if (rest.kind === "end") return expression;
    if (isSign(rest, ")")) throw syntax(rest, "no parenthesis is open here", "take it away");
    throw syntax(rest, "one condition follows another", "write && or || between them");
  }

  #take(): Token {
    const token = this.#next;
    this.#end = token.end;
    this.#next = tokenFrom(this.#text, token.end);
    return token;
  }

  #takeIf(kind: Token["kind"], text: string): Token | undefined {
    return this.#next.kind === kind && this.#next.text === text ? this.#take() : undefined;
  }

  #junction(type: "or" | "and"): Expression {
    const sign = type === "or" ? "||" : "&&";
    const operands: Expression[] = [];
    const { start } = this.#next;
    do operands.push(type === "or" ? this.#junction("and") : this.#unary());
    while (this.#takeIf("operator", sign) !== undefined);
    return operands.length === 1 ? (operands[0] as Expression) : this.#placed({ type, operands }, start);
  }

  #unary(): Expression {
    const first = this.#next;
    const isNot = this.#takeIf("operator", "!") !== undefined;
    if (!isNot && !isSign(first, "(")) return this.#condition();
    if (++this.#nesting > limits.depth) {
      throw new ExpressionError("limit", `nested deeper than ${limits.depth}`, "nest less", first);
    }
    const inner = isNot ? this.#negated(first.start) : this.#parentheses();
    this.#nesting--;
    return inner;
  }

  #negated(start: number): Expression {
    const operand = this.#next.kind === "name" ? this.#field() : this.#unary();
    const sign = this.#next;
    if (operand.type === "identifier" && (isOperatorOfField(sign) || isWord(sign, "is"))) {
      throw syntax(sign, "! takes only what stands right behind it", `write !(${operand.name} ${sign.text} …)`);
    }
    return this.#placed(not(operand), start);
  }

  #parentheses(): Expression {
    const open = this.#take();
    const inner = this.#junction("or");
    if (this.#takeIf("operator", ")") === undefined) {
      if (this.#next.kind !== "end")
        throw syntax(this.#next, "one condition follows another", "write && or || between them");
      throw syntax(this.#next, `the parenthesis of column ${open.start + 1} is open`, "put a ) behind its content");
    }
    const sign = this.#next;
    if (!isOperatorOfField(sign)) return inner;
    const operator = comparisons.get(sign.text);
    if (inner.type !== "bitwiseAnd" || (operator !== "eq" && operator !== "ne")) {
      const remedy = "parentheses may stand before == or != only around FIELD & MASK";
      throw syntax(sign, "what stands at the left has no value to compare", remedy);
    }
    this.#take();
    const { name } = inner.left as Identifier;
    const right = readValue(this.#take(), this.#typeOf(name, inner.left), true);
    return this.#placed({ type: operator, left: inner, right }, open.start);
  }

  #condition(): Expression {
    // n conditions are 2n - 1 nodes at the least; the tree's own measure comes too late for a text of thousands.
    if (++this.#conditions * 2 - 1 > limits.nodes) {
      throw new ExpressionError("limit", `more than ${limits.nodes} nodes`, "ask for less", this.#next);
    }
    const left = this.#field();
    const { start } = positionOf(left) as Span;
    const sign = this.#next;
    if (isWord(sign, "is")) return this.#nullTest(left, start);
    if (!isOperatorOfField(sign)) return left;
    this.#take();
    const type = this.#typeOf(left.name, left);
    if (sign.text === "~") {
      return this.#placed(
        { type: "like", left, right: readValue(this.#take(), type === "string" ? type : wrong(sign, type)) },
        start,
      );
    }
    if (sign.text === "&") return this.#mask(left, type, start);
    const operator = comparisons.get(sign.text) as ComparisonOperator;
    return this.#placed({ type: operator, left, right: readValue(this.#take(), type) }, start);
  }

  #mask(left: Identifier, type: FieldType, start: number): Expression {
    const right = readValue(this.#take(), type, true);
    const masked = this.#placed({ type: "bitwiseAnd", left, right } as const, start);
    if (!isOperatorOfField(this.#next)) return masked;
    const remedy = `write (${left.name} & …) ${this.#next.text} …`;
    throw syntax(this.#next, `${this.#next.text} binds tighter than &, as in C`, remedy);
  }

  #nullTest(operand: Identifier, start: number): Expression {
    this.#take();
    const isNot = this.#takeIf("name", "not") !== undefined;
    if (this.#takeIf("name", "null") === undefined) {
      throw syntax(this.#next, "null is missing", `write ${operand.name} is null or ${operand.name} is not null`);
    }
    return this.#placed({ type: isNot ? "isNotNull" : "isNull", operand }, start);
  }

  #field(): Identifier {
    const token = this.#take();
    if (token.kind === "name") {
      const node = placed(identifier(token.text), token.start, token.end);
      this.#typeOf(token.text, node);
      return node;
    }
    if (token.kind === "end") throw syntax(token, "a condition is missing", "write one, such as flags == 3");
    if (token.kind === "operator") throw syntax(token, "a field should stand here", listFields(this.#types));
    throw syntax(token, "a value stands where a field should", "write the field at the left, the value at the right");
  }

  #typeOf(name: string, node: Expression): FieldType {
    const type = typeOfField(this.#types, name);
    if (type !== undefined) return type;
    throw new ExpressionError("unknown_field", `there is no field ${name}`, listFields(this.#types), positionOf(node));
  }

  /** Notes that a node goes from `start` to the last token that was taken. */
  #placed<Node extends Expression>(node: Node, start: number): Node {
    return placed(node, start, this.#end);
  }
}

/** The token makes a condition of the field before it. */
function isOperatorOfField({ kind, text }: Token): boolean {
  return kind === "operator" && (comparisons.has(text) || text === "~" || text === "&");
}

function isSign({ kind, text }: Token, sign: string): boolean {
  return kind === "operator" && text === sign;
}

function isWord({ kind, text }: Token, word: string): boolean {
  return kind === "name" && text === word;
}

function syntax({ start, end }: Token, reason: string, remedy: string): ExpressionError {
  return new ExpressionError("syntax", reason, remedy, { start, end });
}

function wrong({ start, end }: Token, type: FieldType): never {
  throw new ExpressionError("type", `~ is for strings, and the field is ${type}`, "compare it with ==", { start, end });
}
