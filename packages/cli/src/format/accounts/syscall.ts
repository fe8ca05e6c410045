import { type SyscallEvent, SyscallEventType } from "@kernscope/telemetry-api";
import type { Account } from "../account.js";
import { printable } from "../printable.js";
import { resultText } from "../result-text.js";

/** Looks a system call's name up; `compat`: in the table of 32-bit calls. */
export type SyscallNames = (id: number, compat: boolean) => string | undefined;

export function syscallAccount(call: SyscallEvent, names: SyscallNames): Account {
  const named = call.name === "" ? names(Number(call.id), call.compat) : printable(call.name);
  const name = `${named ?? `call ${call.id}`}${call.compat ? " (32-bit)" : ""}`;
  if (call.type === SyscallEventType.EXIT) return { what: "return", more: `${name} = ${resultText(call.ret)}` };
  const args = [call.arg0, call.arg1, call.arg2, call.arg3, call.arg4, call.arg5].map(argumentText);
  return { what: "call", more: `${name}(${args.join(", ")})` };
}

/**
 * Small numbers are numbers, also where the program had an `int` of -1 and left the upper half of the register 0; the
 * others are addresses and masks.
 */
function argumentText(value: bigint): string {
  const signed = BigInt.asIntN(value < 1n << 32n && value >= 0xffff_f000n ? 32 : 64, value);
  return signed > -4096n && signed < 65_536n ? String(signed) : `0x${value.toString(16)}`;
}
