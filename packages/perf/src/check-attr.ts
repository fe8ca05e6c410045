import type { EventAttr } from "@kernscope/perf-native";
import { PerfError } from "./errors.js";

/** The fields of 64 bits, which take numbers and bigints. */
const words = [
  "config",
  "samplePeriod",
  "sampleFrequency",
  "config1",
  "config2",
  "config3",
  "branchSampleType",
  "sampleRegsUser",
  "sampleRegsIntr",
  "sigData",
] as const satisfies readonly (keyof EventAttr)[];

/** Returns `attr`; refuses numbers that are none of the kernel's before anything is acquired for it. */
export function checkAttr(attr: EventAttr, subject: string): EventAttr {
  for (const name of words) {
    const value = attr[name];
    if (value === undefined || typeof value === "bigint" || Number.isSafeInteger(value)) continue;
    const cause = `${name} is ${value}, which is not a whole number below 2^53`;
    throw new PerfError("invalid", { operation: "attr", subject, cause, remedy: "give a bigint for greater ones" });
  }
  return attr;
}
