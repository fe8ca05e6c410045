import type { EventKind as SensorKind } from "@kernscope/sensor";
import type { EventKind } from "@kernscope/telemetry-api";

const calls: Readonly<Partial<Record<EventKind, SensorKind>>> = {
  syscall: "syscall.enter",
  "syscall-exit": "syscall.exit",
  "kernel-call": "kernel-call.enter",
  "kernel-call-exit": "kernel-call.exit",
  "user-call": "user-call.enter",
  "user-call-exit": "user-call.exit",
};
const lifecycle = ["created", "running", "exited", "destroyed", "updated"] as const;
const processes: readonly string[] = ["fork", "exec", "exit", "update"];
const network = /^(?:connect|bind|listen|accept|sendto|recvfrom)(-result)?$/;

/** The sensor's names of what is called `kind` here. */
export function sensorKinds(kind: EventKind): readonly SensorKind[] {
  const call = calls[kind];
  if (call !== undefined) return [call];
  if (kind === "container") return lifecycle.map((change) => `container.${change}` as const);
  if (kind.startsWith("container-")) return [kind.replace("-", ".") as SensorKind];
  if (kind === "performance" || kind === "ticker" || kind === "chargen") return [kind];
  if (processes.includes(kind)) return [`process.${kind}` as SensorKind];
  const match = network.exec(kind);
  if (match === null) return [`file.${kind}` as SensorKind];
  return [`network.${match[1] === undefined ? `${kind}-attempt` : kind}` as SensorKind];
}
