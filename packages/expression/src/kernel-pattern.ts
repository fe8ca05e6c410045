/**
 * Writes a `like` pattern so that the kernel matches it as {@link Like} says. Beside `glob_match` the kernel has short
 * cuts for patterns that are a text with a `*` at an end (`filter_parse_regex` in kernel/trace/trace_events_filter.c), and
 * they are not all the same:
 *
 * - a `!` at the start negates, a digit there makes the pattern a plain text: a backslash before it takes both for
 *   themselves
 * - a `*` at the start alone compares with the end of the field's storage, which is not that of the text in a field of a
 *   fixed size: a backslash anywhere leads to `glob_match`
 */
export function kernelPattern(pattern: string): string {
  const short = pattern.replace(/(?<!\\)((?:\\\\)*)\*{2,}/g, "$1*");
  if (/^[!0-9]/.test(short)) return `\\${short}`;
  const suffix = /^\*([^*?[\\]+)$/.exec(short);
  if (suffix !== null) return `*\\${suffix[1]}`;
  // `*` alone is the same short cut with nothing to compare; `**` is that of a text found anywhere.
  return short === "*" ? "**" : short;
}
