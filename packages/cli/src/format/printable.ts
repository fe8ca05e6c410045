/**
 * Characters that do not simply show themselves: controls (C1 too, which terminals also obey), those that change the
 * direction or are not seen, line and paragraph separators, halves of pairs, and what is not assigned.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const anyUnprintable = new RegExp(unprintable.source, "u");
/** Arguments that a shell takes as they are. */
const plain = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/** Text that can be shown on a terminal: what does not simply show itself is escaped. */
export function printable(text: string): string {
  return anyUnprintable.test(text) ? text.replace(unprintable, shellEscape) : text;
}

/** An argument as one writes it in a shell (bash's `$'…'` where something is escaped). */
export function quoted(argument: string): string {
  if (plain.test(argument)) return argument;
  if (!anyUnprintable.test(argument)) return `'${argument.replaceAll("'", "'\\''")}'`;
  return `$'${argument.replace(/[\\']/g, "\\$&").replace(unprintable, shellEscape)}'`;
}

/** A command line as one writes it in a shell. */
export function commandLineText(args: readonly string[]): string {
  return args.map(quoted).join(" ");
}

/** A text, with a mark where it is not all of it. */
export function whole(text: string, truncated: boolean): string {
  return truncated ? `${text} …` : text;
}

/** JSON with what is unprintable escaped; JSON.stringify leaves C1 controls and others as they are. */
export function printableJson(json: string): string {
  return anyUnprintable.test(json) ? json.replace(unprintable, jsonEscape) : json;
}

function shellEscape(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function jsonEscape(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) escaped += `\\u${hex(character.charCodeAt(i), 4)}`;
  return escaped;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}
