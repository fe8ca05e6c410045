import { type Expression, value } from "@kernscope/expression";
import type { EventFilter as SensorFilter } from "@kernscope/sensor";
import { ContainerEventView, type EventKind, SampleRateType } from "@kernscope/telemetry-api";
import { counters, wireCounterTypes } from "./counters.js";
import { CliError, ExitStatus } from "./errors.js";
import { sensorKinds } from "./sensor-kinds.js";
import { parseTimeSpan } from "./time-span.js";

/** What stands behind a kind's colon, for the service and for the sensor. */
export interface KindDetail {
  /** Further fields of the kind's filter in the API. */
  readonly with?: Readonly<Record<string, unknown>>;
  /** The same for the sensor's filter. */
  readonly sensor?: Readonly<Record<string, unknown>>;
  /** A condition of its own. */
  readonly where?: Expression;
}

/** How each kind's detail is written. */
const forms = {
  syscall: "syscall:NAME[,NAME…], such as syscall:openat",
  "kernel-call": "kernel-call:FUNCTION[(NAME=FETCH, …)], such as kernel-call:do_sys_openat2(path=+0($arg2):ustring)",
  "user-call": "user-call:PROGRAM:FUNCTION[(NAME=FETCH, …)], such as user-call:/bin/bash:readline",
  performance: "performance:COUNTER[,COUNTER…], such as performance:cycles,instructions",
  container: "container:full, for the configurations, too",
  ticker: "ticker:TIME, such as ticker:500ms",
  chargen: "chargen:LENGTH, such as chargen:72",
} as const;

/**
 * Reads the detail of a kind; what a kind has to have is asked for where there is none.
 *
 * @throws CliError
 */
export async function readDetail(kind: EventKind, detail: string | undefined): Promise<KindDetail> {
  const family = kind.replace(/-exit$|^container-.*/, (end) => (end === "-exit" ? "" : "container"));
  switch (family) {
    case "syscall":
      return detail === undefined ? {} : syscalls(detail);
    case "kernel-call": {
      const [, symbol = "", args] = /^([^\s()]+)(?:\((.*)\))?$/s.exec(detail ?? "") ?? [];
      if (symbol === "") throw wanted(family);
      return same({ symbol, arguments: fetches(args, family) });
    }
    case "user-call": {
      const [, executable = "", symbol = "", args] = /^(\/.*?):([^\s():]+)(?:\((.*)\))?$/s.exec(detail ?? "") ?? [];
      if (executable === "") throw wanted(family);
      return same({ executable, symbol, arguments: fetches(args, family) });
    }
    case "performance":
      return performance(detail ?? "cycles,instructions");
    case "container":
      if (detail === undefined) return {};
      if (detail !== "full") throw wanted(family);
      return { with: { view: ContainerEventView.FULL }, sensor: { view: "full" } };
    case "ticker": {
      const nanos = detail === undefined ? 1_000_000_000 : parseTimeSpan(detail);
      return { with: { interval: BigInt(nanos) }, sensor: { interval: nanos } };
    }
    case "chargen": {
      const length = Number(/^\d{1,9}$/.exec(detail ?? "72")?.[0]);
      if (!(length >= 1)) throw wanted(family);
      return { with: { length: BigInt(length) }, sensor: { length } };
    }
    default:
      if (detail === undefined) return {};
      throw usage(`${kind} has nothing behind a colon – write ${kind}, or ${kind} where EXPRESSION`);
  }
}

/** The sensor's filters for a kind. */
export function sensorFilters(kind: EventKind, detail: KindDetail, where: Expression | undefined): SensorFilter[] {
  return sensorKinds(kind).map((name) => ({ kind: name, ...detail.sensor, ...(where && { where }) }) as SensorFilter);
}

async function syscalls(detail: string): Promise<KindDetail> {
  const { syscallNumber } = await import("@kernscope/sensor");
  const operands = detail.split(",").map((name) => {
    const number = /^\d{1,6}$/.test(name) ? Number(name) : syscallNumber(name.trim());
    if (number === undefined) throw usage(`there is no system call ${JSON.stringify(name)} – write ${forms.syscall}`);
    return { type: "eq", left: { type: "identifier", name: "id" }, right: value("int64", number) } as const;
  });
  return { where: operands.length === 1 ? (operands[0] as Expression) : { type: "or", operands } };
}

function performance(detail: string): KindDetail {
  const group = detail.split(",").map((name) => {
    const counter = Object.hasOwn(counters, name) ? counters[name] : undefined;
    if (counter !== undefined) return counter;
    const known = Object.keys(counters).join(", ");
    throw usage(`there is no counter ${JSON.stringify(name)} – the counters are ${known}`);
  });
  const events = group.map(({ type, config }) => ({ type: wireCounterTypes[type], config: BigInt(config) }));
  const sampleRate = { case: "frequency", value: 1n };
  return {
    with: { events, sampleRateType: SampleRateType.FREQUENCY, sampleRate },
    sensor: { counters: group, frequency: 1 },
  };
}

/** `NAME=FETCH, …`: a fetch expression has no comma but within an immediate string, which is not supported here. */
function fetches(text: string | undefined, family: "kernel-call" | "user-call"): Record<string, string> {
  const result: Record<string, string> = {};
  for (const part of text === undefined || text.trim() === "" ? [] : text.split(",")) {
    const [, name = "", fetch = ""] = /^\s*([A-Za-z_]\w*)=(\S+)\s*$/.exec(part) ?? [];
    if (name === "") throw wanted(family);
    result[name] = fetch;
  }
  return result;
}

function same(fields: Readonly<Record<string, unknown>>): KindDetail {
  return { with: fields, sensor: fields };
}

function wanted(family: keyof typeof forms): CliError {
  return usage(`${family}: write ${forms[family]}`);
}

function usage(message: string): CliError {
  return new CliError(message, ExitStatus.USAGE);
}
