import { UserRegister } from "@kernscope/perf";
import type { SampleFields } from "@kernscope/perf/testing";
import { RegistersAbi } from "../exec-args.js";
import { buildExecStack, type ExecStackParts } from "./exec-stack.js";

export interface ExecSample extends Omit<ExecStackParts, "abi"> {
  /** Bytes of the stack that the sample holds. Default: all. */
  valid?: number;
}

/** What a sample of `sched/sched_process_exec` holds beside its data, on this machine's architecture. */
export function execSample({ valid, ...parts }: ExecSample): SampleFields {
  const { stack, pointer } = buildExecStack({ ...parts, abi: RegistersAbi.BITS_64 });
  return { userRegisters: { [registers().SP]: pointer }, userStack: stack.subarray(0, valid) };
}

/** What a sample of `sched/sched_process_exit` holds of a thread that gave `code` to exit(2), or was killed. */
export function exitSample(code: number | undefined): SampleFields {
  if (process.arch === "arm64")
    return { userRegisters: { 0: BigInt(code ?? 0), 7: 0n, 8: code === undefined ? 63n : 94n } };
  return { userRegisters: { 0: code === undefined ? 0n : -38n, 1: 0n, 5: BigInt(code ?? 0) } };
}

function registers() {
  return process.arch === "arm64" ? UserRegister.arm64 : UserRegister.x64;
}
