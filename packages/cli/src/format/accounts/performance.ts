import { type PerformanceEvent, PerformanceEventType, type PerformanceEventValue } from "@kernscope/telemetry-api";
import { counterName } from "../../counters.js";
import type { Account } from "../account.js";

/** The counters' values; where the hardware was shared, how much of the time they counted. */
export function performanceAccount(
  { values, totalTimeEnabled, totalTimeRunning }: PerformanceEvent,
  cpu: number,
): Account {
  const texts = [`cpu ${cpu}`, ...values.map((value) => `${nameOf(value)} ${value.value}`)];
  if (totalTimeRunning < totalTimeEnabled && totalTimeEnabled > 0n) {
    texts.push(`(counted ${((100 * Number(totalTimeRunning)) / Number(totalTimeEnabled)).toFixed(0)} % of the time)`);
  }
  return { what: "count", more: texts.join("  ") };
}

function nameOf({ type, config }: PerformanceEventValue): string {
  return counterName(type, config) ?? `${PerformanceEventType[type]?.toLowerCase() ?? Number(type)}/${config}`;
}
