import type { KernelFunctionCallEvent, UserFunctionCallEvent } from "@kernscope/telemetry-api";
import type { Account } from "../account.js";
import { printable, quoted } from "../printable.js";

type FieldValue = KernelFunctionCallEvent["arguments"][string] | UserFunctionCallEvent["arguments"][string];

/** What was fetched, by the names that the filter gave it. */
export function functionCallAccount(call: KernelFunctionCallEvent | UserFunctionCallEvent, what: string): Account {
  const values = Object.entries(call.arguments).map(([name, value]) => `${printable(name)}=${valueText(value)}`);
  return { what, more: values.join(" ") };
}

function valueText({ value }: FieldValue): string {
  switch (value.case) {
    case "stringValue":
      return quoted(value.value);
    case "bytesValue":
      return `0x${Array.from(value.value, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    case "signedValue":
    case "unsignedValue":
      return String(value.value);
    default:
      return "?";
  }
}
