import { and, type Expression, type FieldTypes } from "@kernscope/expression";
import { type EventKind, type EventSelector, eventKind, fieldTypes, TelemetryApiError } from "@kernscope/telemetry-api";
import { readCondition } from "./condition.js";
import { CliError, ExitStatus } from "./errors.js";
import { expressionToProto } from "./expression-to-proto.js";
import { type KindDetail, readDetail, sensorFilters } from "./kind-detail.js";
import { cutSelector } from "./selector-text.js";

/** What is watched unless something is named. */
export const defaultSelectors = ["fork", "exec", "exit"];

/** A kind of events, and which of them. */
export interface Selector {
  readonly kind: EventKind;
  readonly detail: KindDetail;
  /** The condition as it was written; undefined where there is none. */
  readonly condition: string | undefined;
  readonly where: Expression | undefined;
}

/**
 * Reads selectors as they stand on a command line: `KIND[:DETAIL] [where EXPRESSION]`.
 *
 * @throws CliError for a kind that there is not, with the nearest one, and for a condition that is not valid
 */
export async function parseSelectors(texts: readonly string[]): Promise<EventSelector[]> {
  const selectors = await Promise.all([...new Set(texts.map((text) => text.trim()))].map(parseSelector));
  return selectors.map(({ kind, detail, where }) => ({
    kind,
    ...(where && { where: expressionToProto(where) }),
    ...(detail.with && { with: detail.with as NonNullable<EventSelector["with"]> }),
  }));
}

/**
 * Reads one selector.
 *
 * @throws CliError as {@link parseSelectors}
 */
export async function parseSelector(text: string): Promise<Selector> {
  if (/^\s*where(?:\s|$)/i.test(text)) {
    throw usage(
      `${JSON.stringify(text)}: no kind before the condition – write 'KIND where EXPRESSION' in one argument`,
    );
  }
  const cut = cutSelector(text);
  const kind = kindOf(cut?.kind ?? text.trim().split(/\s/, 1)[0] ?? "");
  if (cut === undefined) {
    throw usage(`${JSON.stringify(text)}: more than a kind – give each selector as an argument of its own`);
  }
  const detail = await readDetail(kind, cut.detail);
  const { condition } = cut;
  if (condition === undefined) return { kind, detail, condition, where: detail.where };
  const where = readCondition(condition, await fieldsOf(kind, detail));
  if (kind.startsWith("syscall") && detail.where !== undefined && /\bcompat\b/.test(condition)) {
    const cause = "a name or number behind the colon is of the 64-bit table";
    throw usage(`${JSON.stringify(text)}: ${cause} – write ${kind} where compat == true && id == NUMBER`);
  }
  return { kind, detail, condition, where: detail.where === undefined ? where : and(detail.where, where) };
}

/**
 * The fields that a condition may name: for function calls those that the detail fetches.
 *
 * @throws CliError for a detail that cannot be
 */
export async function fieldsOf(kind: EventKind, detail: KindDetail): Promise<FieldTypes> {
  if (detail.sensor?.arguments === undefined) return fieldTypes[kind];
  const { fieldTypesOf, SensorError } = await import("@kernscope/sensor");
  const [filter] = sensorFilters(kind, detail, undefined);
  try {
    return filter === undefined ? {} : fieldTypesOf(filter);
  } catch (error) {
    throw error instanceof SensorError ? usage(error.message) : error;
  }
}

function kindOf(name: string): EventKind {
  try {
    return eventKind(name);
  } catch (error) {
    if (!(error instanceof TelemetryApiError)) throw error;
    // Where the one that was meant can be told, a list of all would only hide it.
    throw usage(error.message.replace(/^eventKind\((".*?")\): /, "$1: ").replace(/(did you mean [^?]*\?) .*/, "$1"));
  }
}

function usage(message: string): CliError {
  return new CliError(message, ExitStatus.USAGE);
}
