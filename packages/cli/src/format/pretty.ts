import {
  LostRecordCause,
  type LostRecordEvent,
  LostRecordEventType,
  type TelemetryEvent,
} from "@kernscope/telemetry-api";
import type { Account, Colors } from "./account.js";
import { containerAccount } from "./accounts/container.js";
import { fileAccount } from "./accounts/file.js";
import { functionCallAccount } from "./accounts/function-call.js";
import { networkAccount } from "./accounts/network.js";
import { performanceAccount } from "./accounts/performance.js";
import { processAccount } from "./accounts/process.js";
import { type SyscallNames, syscallAccount } from "./accounts/syscall.js";
import { chargenAccount, tickerAccount } from "./accounts/timer.js";
import { commandLineText, printable, whole } from "./printable.js";
import type { UserNames } from "./user-names.js";

const lossCauses: Readonly<Record<LostRecordCause, string>> = {
  [LostRecordCause.UNKNOWN]: "the cause is not known",
  [LostRecordCause.KERNEL_RING]: "the kernel's ring was full",
  [LostRecordCause.PROBE_MISSED]: "the kernel skipped a probe",
  [LostRecordCause.SENSOR_BUFFER]: "the sensor could not keep them",
  [LostRecordCause.MALFORMED]: "the sensor could not read them",
  [LostRecordCause.SLOW_CLIENT]: "this client reads too slowly",
  [LostRecordCause.PROBES_DISARMED]: "the kernel's probes were disarmed",
};

/** Writes events as lines for people. */
export class PrettyFormat {
  readonly #users: UserNames;
  readonly #colors: Colors;
  readonly #syscalls: SyscallNames;

  constructor(users: UserNames, colors: Colors, syscalls: SyscallNames = () => undefined) {
    this.#users = users;
    this.#colors = colors;
    this.#syscalls = syscalls;
  }

  /** Time (local), process id, what happened, user, and the rest: one line, safe for a terminal. */
  format(event: TelemetryEvent): string {
    const time = localTime(event.unixTimeNanos);
    if (event.event.case === "lost") return this.#colors.bgRed(` ${time}  LOST ${lostText(event.event.value)} `);
    const { what, more } = this.#account(event);
    const pid = String(event.processTgid || event.processPid || "").padStart(7);
    const line = `${this.#colors.dim(time)} ${pid} ${this.#colors.bold(what.padEnd(5))} ${this.#user(event).padEnd(8)} ${more}`;
    const container = event.event.case === "container" ? "" : containerText(event);
    return container === "" ? line.trimEnd() : `${line}  ${this.#colors.dim(container)}`;
  }

  #account(event: TelemetryEvent): Account {
    const { event: happened } = event;
    const command = commandOf(event);
    switch (happened.case) {
      case "process":
        return processAccount(happened.value, command, this.#colors);
      case "file":
        return withCommand(fileAccount(happened.value), command);
      case "network":
        return withCommand(networkAccount(happened.value), command);
      case "syscall":
        return withCommand(syscallAccount(happened.value, this.#syscalls), command);
      case "kernelCall":
        return withCommand(functionCallAccount(happened.value, "kernel-call"), command);
      case "userCall":
        return withCommand(functionCallAccount(happened.value, "user-call"), command);
      case "performance":
        return performanceAccount(happened.value, event.cpu);
      case "container":
        return containerAccount(happened.value, event, this.#colors);
      case "ticker":
        return tickerAccount(happened.value);
      case "chargen":
        return chargenAccount(happened.value);
      default:
        return { what: "event", more: command };
    }
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

function withCommand({ what, more }: Account, command: string): Account {
  return { what, more: command === "" ? more : `${more}  ${command}` };
}

/** The container that it happened in. */
function containerText({ containerName, containerId }: TelemetryEvent): string {
  const name = containerName || containerId.slice(0, 12);
  return name === "" ? "" : `in ${printable(name)}`;
}

/** The command line of the process; its name in brackets where it has none, as ps(1) shows kernel threads. */
function commandOf({ commandLine, commandLineTruncated, processLineage }: TelemetryEvent): string {
  if (commandLine.length > 0) return whole(commandLineText(commandLine), commandLineTruncated);
  const name = processLineage[0]?.command ?? "";
  return name === "" ? "" : `[${printable(name)}]`;
}

function lostText({ lost, type, cause }: LostRecordEvent): string {
  const isAny = type === LostRecordEventType.UNKNOWN || type === LostRecordEventType.SUBSCRIPTION;
  const about = isAny ? "" : `${(LostRecordEventType[type] ?? `type ${type}`).toLowerCase().replaceAll("_", " ")} `;
  const count = cause === LostRecordCause.PROBES_DISARMED ? "nobody knows how many" : lost;
  return `${count} ${about}${lost === 1n ? "event" : "events"}: ${lossCauses[cause] ?? `cause ${cause}`}`;
}
