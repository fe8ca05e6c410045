import { explainFilter, type FilterExplanation, SensorError } from "@kernscope/sensor";
import { CliError } from "../errors.js";
import type { Colors } from "../format/account.js";
import { printable } from "../format/printable.js";
import { sensorFilters } from "../kind-detail.js";
import { parseSelector } from "../selectors.js";

export interface ExplainOptions {
  /** `KIND where EXPRESSION`, in one piece. */
  readonly selector: string;
  readonly format: "pretty" | "json";
  readonly colors: Colors;
  /** Takes lines; resolves when they are written. */
  readonly write: (text: string) => Promise<void>;
}

/**
 * Shows which part of a condition would run in this host's kernel, as which text, and which in the sensor.
 *
 * @throws CliError where the sensor would refuse the filter
 */
export async function explain({ selector, format, colors, write }: ExplainOptions): Promise<void> {
  const { kind, detail, where } = await parseSelector(selector);
  const explanations: FilterExplanation[] = [];
  for (const filter of sensorFilters(kind, detail, where)) {
    try {
      explanations.push(await explainFilter(filter));
    } catch (error) {
      throw error instanceof SensorError ? new CliError(printable(error.message)) : error;
    }
  }
  const texts = explanations.map((explanation) =>
    format === "json" ? JSON.stringify(explanation) : explanationText(explanation, colors),
  );
  await write(`${texts.join("\n")}\n`);
}

/** The kind, and below it what runs where. */
export function explanationText({ kind, kernel, sensor, lacks }: FilterExplanation, colors: Colors): string {
  const lines = [colors.bold(kind)];
  for (const { event, filter } of kernel) {
    const text = filter === "" ? colors.yellow("all of them") : printable(filter);
    lines.push(`  kernel  ${printable(event)}: ${text}`);
  }
  if (kernel.length === 0) lines.push("  kernel  nothing: the events are the sensor's own");
  lines.push(`  sensor  ${sensor === undefined ? "nothing to evaluate" : printable(sensor)}`);
  for (const lack of lacks) lines.push(`  ${colors.yellow("lacks")}   ${printable(lack)}`);
  return lines.join("\n");
}
