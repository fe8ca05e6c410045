import {
  LostRecordCause,
  type LostRecordEvent,
  LostRecordEventType,
  type ProcessEvent,
  ProcessEventType,
  type TelemetryEvent,
} from "@kernscope/telemetry-api";
import type { createColors } from "picocolors";
import type { Formatter } from "./formatter.js";
import { formatJson } from "./json.js";
import { quote, quoteAll } from "./quote.js";
import { signalName } from "./signals.js";
import type { UserNames } from "./users.js";

type Colors = ReturnType<typeof createColors>;

/** For people: local time, pid, what, user, command line, and what came of it. */
export function prettyFormatter(colors: Colors, users: UserNames): Formatter {
  const line = (event: TelemetryEvent, what: string, text: string) => {
    const pid = `${event.processTgid || event.processPid}`.padStart(7);
    const user = quote(event.credentials === undefined ? "?" : users.nameOf(event.credentials.uid)).padEnd(8);
    return `${colors.dim(timeOf(event))} ${pid} ${what} ${colors.cyan(user)} ${text}`;
  };
  return (event) => {
    switch (event.event.case) {
      case "process":
        return line(event, ...processText(event, event.event.value, colors));
      case "lost":
        return colors.bold(colors.red(`${timeOf(event)} ${lostText(event.event.value)}`));
      default:
        return line(event, (event.event.case ?? "?").padEnd(4), formatJson(event));
    }
  };
}

function processText(event: TelemetryEvent, value: ProcessEvent, colors: Colors): [what: string, text: string] {
  const command = commandText(event.commandLine, event.commandLineTruncated) || nameOf(event);
  switch (value.type) {
    case ProcessEventType.FORK:
      return [colors.blue("fork"), `${command} ${colors.dim("→")} ${value.forkChildPid}`];
    case ProcessEventType.EXEC: {
      const started = commandText(value.execCommandLine, value.execCommandLineTruncated);
      return [colors.green("exec"), started || quote(value.execFilename)];
    }
    case ProcessEventType.EXIT:
      return [colors.yellow("exit"), `${command} ${colors.dim("→")} ${exitText(value, colors)}`];
    default:
      return ["proc", command];
  }
}

function exitText(value: ProcessEvent, colors: Colors): string {
  if (value.exitStatusUnknown) return colors.red("unknown");
  if (value.exitSignal !== 0) {
    return colors.red(`${signalName(value.exitSignal)}${value.exitCoreDumped ? ", core dumped" : ""}`);
  }
  return value.exitStatus === 0 ? "0" : colors.red(`${value.exitStatus}`);
}

function commandText(args: readonly string[], truncated: boolean): string {
  return `${quoteAll(args)}${truncated ? " …" : ""}`.trim();
}

/** A kernel thread has no arguments, but a name. */
function nameOf(event: TelemetryEvent): string {
  return `[${quote(event.processLineage[0]?.command ?? "?")}]`;
}

function lostText({ lost, type, cause }: LostRecordEvent): string {
  const whose = type === LostRecordEventType.SUBSCRIPTION ? "" : ` ${LostRecordEventType[type]?.toLowerCase()}`;
  return `LOST ${lost}${whose} events: ${(LostRecordCause[cause] ?? "unknown").toLowerCase().replaceAll("_", " ")}`;
}

function timeOf({ unixTimeNanos }: TelemetryEvent): string {
  const date = new Date(Number(unixTimeNanos / 1_000_000n));
  const two = (value: number) => `${value}`.padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${clock}.${`${date.getMilliseconds()}`.padStart(3, "0")}`;
}
