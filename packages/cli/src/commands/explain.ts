import type { FieldTypes } from "@kernscope/expression";
import { explainFilter, type FilterExplanation, SensorError } from "@kernscope/sensor";
import { CliError } from "../errors.js";
import type { Colors } from "../format/account.js";
import { printable } from "../format/printable.js";
import { sensorFilters } from "../kind-detail.js";
import { fieldsOf, parseSelector } from "../selectors.js";

export interface ExplainOptions {
  /** `KIND` or `KIND where EXPRESSION`, in one piece. */
  readonly selector: string;
  readonly format: "pretty" | "json";
  readonly colors: Colors;
  /** Takes lines; resolves when they are written. */
  readonly write: (text: string) => Promise<void>;
}

/** What is told of a kind without a condition: the fields that one can name. */
export type KindFields = Pick<FilterExplanation, "kind"> & { readonly fields: FieldTypes };

/**
 * Shows which part of a condition would run in this host's kernel, as which text, which in the sensor, and why; without
 * a condition, which fields one can name.
 *
 * @throws CliError where the sensor would refuse the filter; the fields have been shown
 */
export async function explain({ selector, format, colors, write }: ExplainOptions): Promise<void> {
  const { kind, detail, condition, where } = await parseSelector(selector);
  const fields = condition === undefined ? await fieldsOf(kind, detail) : undefined;
  const show = (explanation: FilterExplanation | KindFields) =>
    write(`${format === "json" ? JSON.stringify(explanation) : explanationText(explanation, colors)}\n`);
  for (const filter of sensorFilters(kind, detail, where)) {
    let explanation: FilterExplanation;
    try {
      explanation = await explainFilter(filter);
    } catch (error) {
      if (!(error instanceof SensorError)) throw error;
      if (fields !== undefined) await show({ kind: filter.kind, fields });
      throw new CliError(printable(error.message));
    }
    await show({ ...explanation, ...(fields && { fields }) });
  }
}

/** The kind, and below it what runs where, and the fields. */
export function explanationText(told: FilterExplanation | KindFields, colors: Colors): string {
  const lines = [colors.bold(told.kind)];
  if ("kernel" in told) lines.push(...placesText(told, colors));
  if ("fields" in told) lines.push(...fieldsText(told.fields));
  return lines.join("\n");
}

function placesText({ kernel, sensor, parts, lacks }: FilterExplanation, colors: Colors): string[] {
  const lines: string[] = [];
  for (const { event, filter } of kernel) {
    const text = filter === "" ? colors.yellow("all of them") : printable(filter);
    lines.push(`  kernel  ${printable(event)}: ${text}`);
  }
  if (kernel.length === 0) lines.push("  kernel  nothing: the events are the sensor's own");
  lines.push(`  sensor  ${sensor === undefined ? "nothing to evaluate" : printable(sensor)}`);
  for (const { text, reason } of parts) {
    if (reason === undefined) continue;
    lines.push(`  why     ${text === sensor ? "" : `${printable(text)}: `}${printable(reason)}`);
  }
  for (const lack of lacks) lines.push(`  ${colors.yellow("lacks")}   ${printable(lack)}`);
  return lines;
}

function fieldsText(fields: FieldTypes): string[] {
  const entries = Object.entries(fields);
  if (entries.length === 0) return ["  fields  none: it takes no condition"];
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, type], at) => `  ${at === 0 ? "fields" : "      "}  ${name.padEnd(width)}  ${type}`);
}
