import { type Expression, ExpressionError, type FieldTypes, parse } from "@kernscope/expression";
import { CliError, ExitStatus } from "./errors.js";
import { printable } from "./format/printable.js";

/** Characters of a condition that are shown on each side of what is wrong with it. */
const AROUND = 60;

/**
 * Reads the condition of a selector.
 *
 * @throws CliError that shows the place
 */
export function readCondition(text: string, types: FieldTypes): Expression {
  try {
    return parse(text, types);
  } catch (error) {
    throw error instanceof ExpressionError ? conditionError(error, text) : error;
  }
}

/** An error in a condition, with the text and what is wrong underlined below it. */
export function conditionError(error: ExpressionError, text: string): CliError {
  const { reason, remedy, position } = error;
  const said = `${printable(reason)} – ${printable(remedy)}`;
  if (position === undefined) return new CliError(`the condition: ${said}`, ExitStatus.USAGE);
  const { start, end } = position;
  const from = start <= AROUND ? 0 : start - AROUND;
  const until = Math.min(text.length, Math.max(end, start) + AROUND);
  const before = `${from > 0 ? "…" : ""}${printable(text.slice(from, start))}`;
  const wrong = printable(text.slice(start, Math.min(end, until)));
  const after = `${printable(text.slice(end, until))}${until < text.length ? "…" : ""}`;
  const mark = "^".repeat(Math.max(1, widthOf(wrong)));
  const lines = [said, `  ${before}${wrong}${after}`, `  ${" ".repeat(widthOf(before))}${mark}`];
  return new CliError(lines.join("\n"), ExitStatus.USAGE);
}

/** Columns of a text on a terminal: characters of East Asia and pictures take two, marks on other characters none. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text.normalize("NFC")) {
    if (/\p{M}/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}
