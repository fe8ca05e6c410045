import {
  type ContainerCache,
  type ContainerExitedEvent,
  type ContainerInfo,
  type ContainerRunningEvent,
  ContainerRuntime,
} from "@kernscope/container-cache";
import type { EventId, ExternalSample } from "@kernscope/perf";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field } from "../field-table.js";
import { ContainerEventType, type ContainerPayload } from "../payload.js";
import type { ContainerEventFilter } from "../subscription-request.js";
import type { EventFamily } from "./family.js";

const fields: FieldTable = {
  name: field<ContainerPayload>("string", ({ name }) => name),
  image_id: field<ContainerPayload>("string", ({ imageId }) => imageId),
  image_name: field<ContainerPayload>("string", ({ imageName }) => imageName),
  host_pid: field<ContainerPayload>("int32", ({ hostPid }) => hostPid),
  exit_code: field<ContainerPayload>("int32", ({ exitCode }) => exitCode),
  exit_status: field<ContainerPayload>("uint32", ({ exitStatus }) => exitStatus),
  exit_signal: field<ContainerPayload>("uint32", ({ exitSignal }) => exitSignal),
  exit_core_dumped: field<ContainerPayload>("bool", ({ exitCoreDumped }) => exitCoreDumped),
};

const types = {
  "container.created": ContainerEventType.CREATED,
  "container.running": ContainerEventType.RUNNING,
  "container.exited": ContainerEventType.EXITED,
  "container.destroyed": ContainerEventType.DESTROYED,
  "container.updated": ContainerEventType.UPDATED,
} as const;

/** Container events come from the container cache: from the runtimes, and from what the kernel says of their cgroups. */
export const containerEvents: EventFamily<ContainerEventFilter> = {
  kinds: Object.keys(types) as (keyof typeof types)[],
  fields({ kind, view = "basic" }) {
    if (view === "basic" || view === "full") return fields;
    throw new SensorError("invalid", `newSubscription(${kind}): view is ${JSON.stringify(view)} – give basic or full`);
  },
  service(kind, kernel) {
    if (!kernel.hasCgroups) return { sources: [], lacks: [noCgroups], remedies: ["a kernel with CONFIG_CGROUPS"] };
    return {
      sources: ["container runtimes", "cgroup/cgroup_mkdir", "cgroup/cgroup_rmdir"],
      lacks: kind === "container.exited" ? ["whether its first process dumped core is not known"] : [],
      remedies: [],
    };
  },
  plan({ kind, view = "basic", where }, kernel) {
    if (!kernel.hasCgroups) throw new SensorError("unsupported", `newSubscription(${kind}): ${noCgroups}`);
    return {
      key: `${kind} ${view}`,
      kernel: [],
      why: "the event comes from the container runtimes",
      rest: where,
      open({ monitor, containerCache }, sink) {
        return monitor.addHandler(eventOf(kind, containerCache!), (sample: ExternalSample, data: ContainerData) => {
          const value = payloadOf(types[kind], data, view === "full");
          sink.emitBare(sample.elapsed, { case: "container", value }, data.container);
        });
      },
    };
  },
};

const noCgroups = "the kernel does not tell of cgroups";

type ContainerData = { readonly container: ContainerInfo } & Partial<ContainerRunningEvent & ContainerExitedEvent>;

function eventOf(kind: EventKind, containerCache: ContainerCache): EventId {
  switch (kind) {
    case "container.created":
      return containerCache.createdEventId;
    case "container.running":
      return containerCache.runningEventId;
    case "container.exited":
      return containerCache.exitedEventId;
    case "container.destroyed":
      return containerCache.destroyedEventId;
    default:
      return containerCache.updatedEventId;
  }
}

function payloadOf(type: number, { container, pid, ...exit }: ContainerData, isFull: boolean): ContainerPayload {
  const { name, imageId, imageName, runtime, jsonConfig, ociConfig } = container;
  return {
    type,
    name,
    imageId,
    imageName,
    hostPid: pid ?? container.pid,
    ...(type === ContainerEventType.EXITED && {
      exitCode: exit.exitCode,
      exitStatus: exit.exitStatus,
      exitSignal: exit.exitSignal,
    }),
    ...(isFull && {
      dockerConfigJson: runtime === ContainerRuntime.Docker ? jsonConfig : "",
      ociConfigJson: ociConfig,
    }),
  };
}
