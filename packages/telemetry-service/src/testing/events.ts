import { type EventInit, ProcessEventType } from "@kernscope/telemetry-api";

/** An exec, the `sequence`th event of its sensor. */
export function execEvent(sequence: number, commandLine: readonly string[], more: EventInit = {}): EventInit {
  return {
    ...processEvent(sequence),
    commandLine,
    event: {
      case: "process",
      value: { type: ProcessEventType.EXEC, execFilename: commandLine[0] ?? "", execCommandLine: commandLine },
    },
    ...more,
  };
}

/** A fork of a child with the next pid. */
export function forkEvent(sequence: number, more: EventInit = {}): EventInit {
  const base = processEvent(sequence);
  const forkChildPid = (base.processPid ?? 0) + 1;
  return { ...base, event: { case: "process", value: { type: ProcessEventType.FORK, forkChildPid } }, ...more };
}

/** An exit with `exitStatus`, or by `exitSignal`. */
export function exitEvent(sequence: number, exitStatus: number, exitSignal = 0, more: EventInit = {}): EventInit {
  const exitCode = exitStatus * 256 + exitSignal;
  const value = { type: ProcessEventType.EXIT, exitCode, exitStatus, exitSignal };
  return { ...processEvent(sequence), event: { case: "process", value }, ...more };
}

function processEvent(sequence: number): EventInit {
  return {
    id: `fake-${sequence}`,
    sensorId: "fake",
    sensorSequenceNumber: sequence,
    sensorMonotimeNanos: sequence * 1000,
    unixTimeNanos: 1_700_000_000_000_000_000n + BigInt(sequence) * 1_000_000n,
    processPid: 1000 + sequence,
    processTgid: 1000 + sequence,
    credentials: { uid: 0, gid: 0, euid: 0 },
    commandLine: ["/bin/sh", "-c", "work"],
  };
}
