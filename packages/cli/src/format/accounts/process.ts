import { constants } from "node:os";
import { type ProcessEvent, ProcessEventType } from "@kernscope/telemetry-api";
import type { Account, Colors } from "../account.js";
import { commandLineText, quoted, whole } from "../printable.js";

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** How a process ended, as far as it is told. */
export interface Ending {
  readonly exitStatus: number;
  readonly exitSignal: number;
  readonly exitCoreDumped: boolean;
  readonly exitStatusUnknown?: boolean;
}

/** @param command the process's command line */
export function processAccount(process: ProcessEvent, command: string, colors: Colors): Account {
  switch (process.type) {
    case ProcessEventType.FORK:
      return { what: "fork", more: `child ${process.forkChildPid}  ${command}` };
    case ProcessEventType.EXEC:
      return { what: "exec", more: execText(process) };
    case ProcessEventType.EXIT:
      return { what: "exit", more: `${exitText(process, colors)}  ${command}` };
    case ProcessEventType.UPDATE:
      return { what: "cwd", more: `${quoted(process.updateCwd)}  ${command}` };
    default:
      return { what: `process ${Number(process.type)}`, more: command };
  }
}

/** The status or the signal; what is no success has a colour. */
export function exitText(
  { exitStatus, exitSignal, exitCoreDumped, exitStatusUnknown }: Ending,
  colors: Colors,
): string {
  if (exitStatusUnknown) return "status unknown";
  if (exitSignal === 0) {
    const text = `status ${exitStatus}`;
    return exitStatus === 0 ? text : colors.yellow(text);
  }
  const name = signalNames.get(exitSignal) ?? `signal ${exitSignal}`;
  return colors.red(exitCoreDumped ? `${name}, core dumped` : name);
}

/** The arguments, and the program where they do not name it. */
function execText({ execFilename, execCommandLine, execCommandLineTruncated }: ProcessEvent): string {
  const text = whole(commandLineText(execCommandLine), execCommandLineTruncated);
  const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  if (execFilename === "" || baseName(execCommandLine[0] ?? "") === baseName(execFilename)) return text;
  return `${text} (program ${quoted(execFilename)})`.trimStart();
}
