import { PerfError } from "./errors.js";

/** One line of tracefs's kprobe_events or uprobe_events (Documentation/trace/kprobetrace.rst, uprobetracer.rst). */
export interface ProbeText {
  /** `GROUP/EVENT`. */
  event: string;
  /** What {@link kernelPlace} or {@link userPlace} returned. */
  place: string;
  /** At the function's return instead of its entry. */
  onReturn: boolean;
  /** Calls of a kernel function that may be under way at once (1 … 4096); for kernel return probes alone. */
  maxActive?: number | undefined;
  /** Fetch expressions by the name of the field they fill. */
  args: Readonly<Record<string, string>>;
}

/** A fetch expression and the type its value has. */
export interface FetchArgument {
  /** Such as `+0($arg2)`. */
  readonly expression: string;
  /** Such as `ustring`, without the brackets of an array; `undefined`: the kernel's default. */
  readonly type: string | undefined;
  /** Elements of an array; `undefined`: not one. */
  readonly count: number | undefined;
}

/** What the kernel takes: a line is shorter than 4096 bytes (WRITE_BUFSIZE), names than 64, arguments up to 128. */
const limits = { line: 4094, name: 63, argName: 31, argText: 63, args: 128, depth: 16, maxActive: 4096 } as const;

const number = String.raw`(?:0x[0-9a-fA-F]{1,16}|\d{1,20})`;
const identifier = String.raw`[A-Za-z_]\w*`;
const symbol = String.raw`[A-Za-z_][\w.$]*`;

/**
 * The text of a probe's line, without a newline. Every part is matched against its grammar and refused where it does not
 * fit: nothing is escaped, so what the kernel reads is what was given.
 *
 * @throws PerfError `invalid`
 */
export function probeLine({ event, place, onReturn, maxActive, args }: ProbeText): string {
  const active = maxActive === undefined ? "" : checkMaxActive(maxActive, onReturn);
  const names = Object.keys(args);
  if (names.length > limits.args) throw refused("arguments", `${names.length}`, `more than ${limits.args}`);
  const words = [`${onReturn ? "r" : "p"}${active}:${checkEvent(event)}`, checkPlace(place)];
  for (const name of names) words.push(`${checkArgumentName(name)}=${checkArgumentText(args[name], name)}`);
  const line = words.join(" ");
  if (line.length > limits.line) throw refused("probe", event, `${line.length} bytes: the kernel takes ${limits.line}`);
  return line;
}

/** The line that removes a probe. */
export function removalLine(event: string): string {
  return `-:${checkEvent(event)}`;
}

/**
 * Where a kernel probe goes: `[MODULE:]SYMBOL[+OFFSET]` or an address such as `0xffffffff81234560`.
 *
 * @throws PerfError `invalid`
 */
export function kernelPlace(text: string): string {
  if (matches(text, kernelPlaceGrammar)) return text;
  throw refused("registerKprobe", text, "not [MODULE:]SYMBOL[+OFFSET] and no address");
}

/**
 * Where a user probe goes.
 *
 * @param path absolute; of letters, digits and `_./+@%,=~-`
 * @param offset bytes from the file's start
 * @param refCounter bytes from the file's start to the counter of a USDT probe's users
 * @throws PerfError `invalid`
 */
export function userPlace(path: string, offset: number, refCounter?: number): string {
  const hex = (value: number) => {
    if (Number.isSafeInteger(value) && value >= 0) return `0x${value.toString(16)}`;
    throw refused("registerUprobe", path, `${value} is no offset`);
  };
  const place = `${path}:${hex(offset)}${refCounter === undefined ? "" : `(${hex(refCounter)})`}`;
  if (matches(place, userPlaceGrammar)) return place;
  throw refused("registerUprobe", path, "a path that tracefs cannot be told");
}

/**
 * Takes a fetch expression apart.
 *
 * @throws PerfError `invalid`
 */
export function parseFetchArgument(text: string): FetchArgument {
  const wrong = (cause: string) => refused("fetch expression", text, cause);
  if (typeof text !== "string" || text.length > limits.argText) throw wrong(`longer than ${limits.argText} characters`);
  const end = expressionEnd(text, 0, 0);
  if (end < 0) throw wrong("not one that the kernel knows");
  const rest = text.slice(end);
  if (rest === "") return { expression: text, type: undefined, count: undefined };
  const [whole, type, count] = typeGrammar.exec(rest) ?? [];
  if (whole !== rest) throw wrong(`${JSON.stringify(rest)} is not a type`);
  return { expression: text.slice(0, end), type, count: count === undefined ? undefined : Number(count) };
}

const eventGrammar = new RegExp(`^${identifier}/${identifier}$`);
const kernelPlaceGrammar = new RegExp(`^(?:0x[0-9a-f]{1,16}|(?:[A-Za-z_][\\w-]*:)?${symbol}(?:\\+${number})?)$`);
const userPlaceGrammar = /^\/[\w./+@%,=~-]+:0x[0-9a-f]{1,14}(?:\(0x[0-9a-f]{1,14}\))?$/;
const typeGrammar =
  /^:([usx](?:8|16|32|64)|char|u?string|symbol|symstr|%p[dD]|b\d{1,2}@\d{1,2}\/(?:8|16|32|64))(?:\[([1-9]\d?)\])?$/;

/** What a fetch expression can be, parentheses apart; each is tried at a place of the text. */
const atoms = [
  /%[a-z][a-z0-9_]*/y,
  /\$(?:arg[1-9]\d{0,2}|stack\d{0,4}|retval|comm)(?!\w)/y,
  new RegExp(`@(?:${number}|\\+${number}|${symbol}(?:[+-]${number})?)`, "y"),
  new RegExp(`\\\\-?${number}`, "y"),
  /\\"[\w.,/:@%+=-]*"/y,
  new RegExp(`${identifier}(?:(?:->|\\.)${identifier})*`, "y"),
];
const dereference = new RegExp(`[+-]u?${number}\\(`, "y");

/** Where the expression that begins at `at` ends; −1 where there is none. */
function expressionEnd(text: string, at: number, depth: number): number {
  const inner = endOf(dereference, text, at);
  if (inner > 0) {
    const end = depth === limits.depth ? -1 : expressionEnd(text, inner, depth + 1);
    return end > 0 && text[end] === ")" ? end + 1 : -1;
  }
  for (const atom of atoms) {
    const end = endOf(atom, text, at);
    if (end > 0) return end;
  }
  return -1;
}

function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

function checkEvent(event: string): string {
  if (matches(event, eventGrammar) && event.split("/").every(({ length }) => length <= limits.name)) return event;
  throw refused("probe", event, "not GROUP/EVENT");
}

function checkPlace(place: string): string {
  if (matches(place, kernelPlaceGrammar) || matches(place, userPlaceGrammar)) return place;
  throw refused("probe", place, "not a place");
}

function checkArgumentName(name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name) && name.length <= limits.argName) return name;
  throw refused("argument", name, `not a name of letters, digits and _, of up to ${limits.argName}`);
}

function checkArgumentText(text: string | undefined, name: string): string {
  if (typeof text !== "string") throw refused("argument", name, "its fetch expression is no string");
  parseFetchArgument(text);
  return text;
}

function checkMaxActive(maxActive: number, onReturn: boolean): string {
  if (!onReturn) throw refused("maxActive", String(maxActive), "for return probes only");
  if (Number.isInteger(maxActive) && maxActive >= 1 && maxActive <= limits.maxActive) return String(maxActive);
  throw refused("maxActive", String(maxActive), `not a whole number from 1 to ${limits.maxActive}`);
}

/** What is no string would be matched as the string it can be made to. */
function matches(text: unknown, grammar: RegExp): boolean {
  return typeof text === "string" && grammar.test(text);
}

function refused(operation: string, subject: unknown, cause: string): PerfError {
  return new PerfError("invalid", { operation, subject: JSON.stringify(subject), cause });
}
