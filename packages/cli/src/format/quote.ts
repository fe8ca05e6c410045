const SAFE = /^[\w@%+=:,./-]+$/;
/** What a terminal might act on, hide or turn around: controls, format characters, lone surrogates, line separators. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;
const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "'": "\\'", "\\": "\\\\" };

/**
 * Writes an argument as bash(1) would read it back. Names and arguments are anybody's: nothing in the result moves the
 * cursor, changes colours or shows text in another order.
 */
export function quote(text: string): string {
  if (SAFE.test(text)) return text;
  if (!HIDDEN.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  return `$'${[...text].map((char) => short[char] ?? (HIDDEN.test(char) ? escaped(char) : char)).join("")}'`;
}

/** A command line as bash(1) would read it back. */
export function quoteAll(args: readonly string[]): string {
  return args.map(quote).join(" ");
}

function escaped(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
