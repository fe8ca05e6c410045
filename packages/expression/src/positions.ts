import type { Span } from "./errors.js";
import type { Expression } from "./expression.js";

/** Where the nodes of parsed trees stand in their texts. The nodes themselves stay plain. */
const spans = new WeakMap<Expression, Span>();

/** Notes where a node stands, and returns it. */
export function placed<Node extends Expression>(node: Node, start: number, end: number): Node {
  spans.set(node, { start, end });
  return node;
}

/** Where a node stands in the text that it was parsed from; undefined for one that was not. */
export function positionOf(node: Expression): Span | undefined {
  return spans.get(node);
}
