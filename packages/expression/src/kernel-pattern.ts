/**
 * Writes a `like` pattern so that the kernel matches it as {@link Like} says. Beside `glob_match` the kernel has short
 * cuts for patterns that are a text with a `*` at an end (`filter_parse_regex` in kernel/trace/trace_events_filter.c), and
 * they are not all the same:
 *
 * - a `!` at the start negates, a digit there makes the pattern a plain text: a backslash before it takes both for
 *   themselves
 * - a `*` at the start looks at the whole storage of a field of a fixed size, with what was left behind the text's NUL:
 *   a backslash anywhere leads to `glob_match`
 *
 * @returns undefined for a pattern with `[!`: in Linux 6.1 such a set also matches the NUL at the end of the text, and
 * the kernel reads on behind it
 */
export function kernelPattern(pattern: string): string | undefined {
  if (pattern.includes("[!")) return undefined;
  if (/^[!0-9]/.test(pattern)) return `\\${pattern}`;
  if (/^\*[^*?[\\]+\*?$/.test(pattern)) return `*\\${pattern.slice(1)}`;
  // `*` alone would compare with the end of that storage; `**` looks for nothing anywhere, and finds it.
  return pattern === "*" ? "**" : pattern;
}
