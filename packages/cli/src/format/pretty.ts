import { constants } from "node:os";
import {
  LostRecordCause,
  type LostRecordEvent,
  LostRecordEventType,
  type ProcessEvent,
  ProcessEventType,
  type TelemetryEvent,
} from "@kernscope/telemetry-api";
import type colors from "picocolors";
import { commandLineText, printable, quoted } from "./printable.js";
import type { UserNames } from "./user-names.js";

/** Functions that colour a text, or leave it as it is. */
type Colors = ReturnType<typeof colors.createColors>;

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

const lossCauses: Readonly<Record<LostRecordCause, string>> = {
  [LostRecordCause.UNKNOWN]: "the cause is not known",
  [LostRecordCause.KERNEL_RING]: "the kernel's ring was full",
  [LostRecordCause.PROBE_MISSED]: "the kernel skipped a probe",
  [LostRecordCause.SENSOR_BUFFER]: "the sensor's buffer was full",
  [LostRecordCause.MALFORMED]: "the sensor could not read them",
  [LostRecordCause.SLOW_CLIENT]: "this client reads too slowly",
};

/** What happened, in a word and in more words. */
interface Account {
  readonly what: string;
  readonly more: string;
}

/** Writes events as lines for people. */
export class PrettyFormat {
  readonly #users: UserNames;
  readonly #colors: Colors;

  constructor(users: UserNames, colors: Colors) {
    this.#users = users;
    this.#colors = colors;
  }

  /** Time (local), process id, what happened, user, and the rest: one line, safe for a terminal. */
  format(event: TelemetryEvent): string {
    const time = localTime(event.unixTimeNanos);
    if (event.event.case === "lost") return this.#colors.bgRed(` ${time}  LOST ${lostText(event.event.value)} `);
    const { what, more } = this.#account(event);
    const pid = String(event.processTgid || event.processPid).padStart(7);
    return `${this.#colors.dim(time)} ${pid} ${this.#colors.bold(what.padEnd(5))} ${this.#user(event).padEnd(8)} ${more}`;
  }

  #account(event: TelemetryEvent): Account {
    if (event.event.case === "process") return this.#processAccount(event.event.value, event);
    const { case: kind, value } = event.event;
    return { what: kind ?? "event", more: value === undefined ? "" : fieldsText(value) };
  }

  #processAccount(process: ProcessEvent, event: TelemetryEvent): Account {
    switch (process.type) {
      case ProcessEventType.FORK:
        return { what: "fork", more: `child ${process.forkChildPid}  ${commandOf(event)}` };
      case ProcessEventType.EXEC:
        return { what: "exec", more: execText(process) };
      case ProcessEventType.EXIT:
        return { what: "exit", more: `${this.#exitText(process)}  ${commandOf(event)}` };
      case ProcessEventType.UPDATE:
        return { what: "cwd", more: `${quoted(process.updateCwd)}  ${commandOf(event)}` };
      default:
        return { what: "process", more: fieldsText(process) };
    }
  }

  #exitText(process: ProcessEvent): string {
    if (process.exitStatusUnknown) return "status unknown";
    if (process.exitSignal === 0) {
      const text = `status ${process.exitStatus}`;
      return process.exitStatus === 0 ? text : this.#colors.yellow(text);
    }
    const name = signalNames.get(process.exitSignal) ?? `signal ${process.exitSignal}`;
    return this.#colors.red(process.exitCoreDumped ? `${name}, core dumped` : name);
  }

  /** The user, and whose rights the process has where they are another's. */
  #user({ credentials }: TelemetryEvent): string {
    if (credentials === undefined) return "?";
    const name = this.#users.nameOf(credentials.uid);
    return credentials.euid === credentials.uid ? name : `${name}→${this.#users.nameOf(credentials.euid)}`;
  }
}

/** `HH:MM:SS.mmm` in local time. */
function localTime(unixNanos: bigint): string {
  const time = new Date(Number(unixNanos / 1_000_000n));
  const digits = (value: number, count: number) => String(value).padStart(count, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((value) => digits(value, 2)).join(":");
  return `${clock}.${digits(time.getMilliseconds(), 3)}`;
}

/** The command line of the process; its name in brackets where it has none, as ps(1) shows kernel threads. */
function commandOf({ commandLine, commandLineTruncated, processLineage }: TelemetryEvent): string {
  if (commandLine.length > 0) return whole(commandLineText(commandLine), commandLineTruncated);
  const name = processLineage[0]?.command ?? "";
  return name === "" ? "" : `[${printable(name)}]`;
}

/** The arguments, and the program where they do not name it. */
function execText({ execFilename, execCommandLine, execCommandLineTruncated }: ProcessEvent): string {
  const text = whole(commandLineText(execCommandLine), execCommandLineTruncated);
  const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  if (execFilename === "" || baseName(execCommandLine[0] ?? "") === baseName(execFilename)) return text;
  return `${text} (program ${quoted(execFilename)})`.trimStart();
}

function whole(text: string, truncated: boolean): string {
  return truncated ? `${text} …` : text;
}

function lostText({ lost, type, cause }: LostRecordEvent): string {
  const isAny = type === LostRecordEventType.UNKNOWN || type === LostRecordEventType.SUBSCRIPTION;
  const about = isAny ? "" : `${(LostRecordEventType[type] ?? `type ${type}`).toLowerCase().replaceAll("_", " ")} `;
  return `${lost} ${about}${lost === 1n ? "event" : "events"}: ${lossCauses[cause] ?? `cause ${cause}`}`;
}

/** The fields of a message that are set: for kinds without words of their own. */
function fieldsText(message: object): string {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(message)) {
    if (name.startsWith("$") || !value || (Array.isArray(value) && value.length === 0)) continue;
    const text =
      typeof value === "object" ? JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}` : v)) : `${value}`;
    fields.push(`${name}=${quoted(text)}`);
  }
  return fields.join(" ");
}
