import { type ContainerEvent, ContainerEventType, type TelemetryEvent } from "@kernscope/telemetry-api";
import type { Account, Colors } from "../account.js";
import { quoted } from "../printable.js";
import { exitText } from "./process.js";

export function containerAccount(container: ContainerEvent, event: TelemetryEvent, colors: Colors): Account {
  const change = ContainerEventType[container.type]?.toLowerCase() ?? `change ${Number(container.type)}`;
  const texts = [quoted(container.name || event.containerName || event.containerId.slice(0, 12) || "?")];
  const image = container.imageName || event.imageName;
  if (image !== "") texts.push(`image ${quoted(image)}`);
  if (container.hostPid !== 0) texts.push(`pid ${container.hostPid}`);
  if (container.type === ContainerEventType.EXITED) texts.push(exitText(container, colors));
  const sizes = [container.dockerConfigJson, container.ociConfigJson].filter((json) => json !== "");
  if (sizes.length > 0) texts.push("with configuration");
  return { what: change, more: texts.join("  ") };
}
