import { type HostReport, hostReport } from "@kernscope/sensor";
import { CliError } from "../errors.js";
import type { Colors } from "../format/account.js";
import { printable } from "../format/printable.js";

export interface DoctorOptions {
  readonly format: "pretty" | "json";
  readonly colors: Colors;
  /** Takes lines; resolves when they are written. */
  readonly write: (text: string) => Promise<void>;
}

/**
 * Tells whether a sensor can run on this host, and what it can serve.
 *
 * @throws CliError where it cannot run
 */
export async function doctor({ format, colors, write }: DoctorOptions): Promise<void> {
  const report = await hostReport();
  await write(`${format === "json" ? JSON.stringify(report) : reportText(report, colors)}\n`);
  if (report.obstacle !== undefined) throw new CliError(`no sensor can run here: ${printable(report.obstacle)}`);
}

/** The report in lines for people. */
export function reportText(report: HostReport, colors: Colors): string {
  return [
    ...hostLines(report, colors),
    "",
    colors.bold("Kernel"),
    ...featureLines(report, colors),
    "",
    colors.bold("Container runtimes"),
    ...runtimeLines(report, colors),
    "",
    colors.bold("What is known of processes"),
    ...valueLines(report, colors),
    "",
    colors.bold("Events"),
    ...kindLines(report, colors),
  ].join("\n");
}

function hostLines({ obstacle, kernel, architecture, uid, privileges }: HostReport, colors: Colors): string[] {
  const held = Object.entries(privileges).filter(([, isHeld]) => isHeld);
  const names = held.length === 0 ? "none" : held.map(([name]) => name).join(" ");
  const verdict = obstacle === undefined ? colors.green("yes") : colors.red(`no: ${printable(obstacle)}`);
  return [
    row("A sensor runs", verdict),
    row("Linux", `${printable(kernel)} (${architecture})`),
    row("User", uid === 0 ? "root" : String(uid ?? "?")),
    row("Capabilities", names),
  ];
}

function featureLines({ features, probesSilent }: HostReport, colors: Colors): string[] {
  const { kernel, paranoid, ringLimit, ...named } = features;
  const lines = Object.entries(named).map(([name, { supported, purpose, since, needs, reason, detail }]) => {
    const more = detail === undefined ? "" : ` (${printable(detail)})`;
    if (supported) return row(name, `${mark("yes", colors)} ${purpose}${more}`);
    const remedy = `needs Linux ${since}${needs === undefined ? "" : `, ${needs}`}`;
    return row(name, `${mark("no", colors)} ${purpose}: ${printable(reason ?? "")} – ${remedy}`);
  });
  if (probesSilent) {
    const remedy = "set kernel.ftrace_enabled (sysctl) and kprobes/enabled (debugfs) to 1";
    lines.push(row("", `${colors.red("kernel probes were disarmed on this host, and do not fire")} – ${remedy}`));
  }
  lines.push(row("perf_event_paranoid", String(paranoid ?? "?")), row("perf_event_mlock_kb", String(ringLimit ?? "?")));
  return lines;
}

function runtimeLines({ runtimes }: HostReport, colors: Colors): string[] {
  if (runtimes.length === 0) return ["  not looked for"];
  return runtimes.map(({ name, condition, reason }) => {
    const isWell = condition === "connected" || condition === "files" || condition === "connecting";
    const state =
      condition === "absent" ? colors.dim("absent") : isWell ? colors.green(condition) : colors.red(condition);
    return row(printable(name), `${state}${reason === "" ? "" : `: ${printable(reason)}`}`);
  });
}

function valueLines({ values }: HostReport, colors: Colors): string[] {
  if (values.length === 0) return ["  not looked for"];
  return values.flatMap(({ field, source, best, remark }) => [
    row(field, `${mark(best ? "complete" : "partial", colors)}${source === "none" ? "" : ` from ${source}`}`),
    ...(remark === "" ? [] : [row("", `${colors.yellow("lacks")} ${printable(remark)}`)]),
  ]);
}

function kindLines({ capabilities }: HostReport, colors: Colors): string[] {
  return capabilities.kinds.flatMap(({ kind, state, sources, lacks, remedies }) => {
    const from = sources.length === 0 ? "" : ` from ${printable(sources.join(", "))}`;
    return [
      row(kind, `${mark(state, colors)}${from}`),
      ...lacks.map((lack) => row("", `${colors.yellow("lacks")} ${printable(lack)}`)),
      ...remedies.map((remedy) => row("", `${colors.dim("mend")}  ${printable(remedy)}`)),
    ];
  });
}

function mark(state: "yes" | "no" | "complete" | "partial" | "none", colors: Colors): string {
  if (state === "yes" || state === "complete") return colors.green(state);
  return state === "partial" ? colors.yellow(state) : colors.red(state);
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(24)} ${text}`;
}
