/** A selector as it stands on a command line: `KIND[:DETAIL] [where EXPRESSION]`. */
export interface SelectorText {
  readonly kind: string;
  /** What stands behind the kind's colon. */
  readonly detail: string | undefined;
  readonly condition: string | undefined;
}

/** Cuts a selector in its parts; undefined where it has another form. */
export function cutSelector(text: string): SelectorText | undefined {
  // A detail may have white space in it, and ends with the word.
  const match = /^\s*([^\s:]*)(?::((?:(?!\swhere\s).)*?))?(?:\s+where(?:\s+(.*?))?)?\s*$/is.exec(text);
  if (match === null) return undefined;
  const [, kind = "", detail, condition] = match;
  const hasCondition = /\swhere(?:\s|$)/i.test(text);
  return { kind, detail, condition: hasCondition ? (condition ?? "") : undefined };
}
