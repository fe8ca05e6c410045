import type { EventKind } from "@kernscope/sensor";
import {
  ContainerEventType as Container,
  type EventFilter,
  type EventInit,
  FileEventType as File,
  KernelFunctionCallEventType as KernelCall,
  NetworkEventType as Network,
  ProcessEventType as Process,
  SyscallEventType as Syscall,
  UserFunctionCallEventType as UserCall,
} from "@kernscope/telemetry-api";

/** A list of filters in `EventFilter`. */
export type FilterList = Exclude<keyof EventFilter, "$typeName" | "$unknown">;

/** The sensor's names of the kinds of each list: by the filter's type, or one where its filters have no type. */
const kinds: Readonly<Record<FilterList, EventKind | Readonly<Record<number, EventKind>>>> = {
  processEvents: {
    [Process.FORK]: "process.fork",
    [Process.EXEC]: "process.exec",
    [Process.EXIT]: "process.exit",
    [Process.UPDATE]: "process.update",
  },
  syscallEvents: { [Syscall.ENTER]: "syscall.enter", [Syscall.EXIT]: "syscall.exit" },
  fileEvents: {
    [File.OPEN]: "file.open",
    [File.CREATE]: "file.create",
    [File.DELETE]: "file.delete",
    [File.LINK]: "file.link",
    [File.RENAME]: "file.rename",
    [File.MODIFY]: "file.modify",
    [File.OPEN_FOR_MODIFY]: "file.open-for-modify",
    [File.CLOSE_FOR_MODIFY]: "file.close-for-modify",
    [File.ATTRIBUTE_CHANGE]: "file.attribute-change",
  },
  networkEvents: {
    [Network.CONNECT_ATTEMPT]: "network.connect-attempt",
    [Network.CONNECT_RESULT]: "network.connect-result",
    [Network.BIND_ATTEMPT]: "network.bind-attempt",
    [Network.BIND_RESULT]: "network.bind-result",
    [Network.LISTEN_ATTEMPT]: "network.listen-attempt",
    [Network.LISTEN_RESULT]: "network.listen-result",
    [Network.ACCEPT_ATTEMPT]: "network.accept-attempt",
    [Network.ACCEPT_RESULT]: "network.accept-result",
    [Network.SENDTO_ATTEMPT]: "network.sendto-attempt",
    [Network.SENDTO_RESULT]: "network.sendto-result",
    [Network.RECVFROM_ATTEMPT]: "network.recvfrom-attempt",
    [Network.RECVFROM_RESULT]: "network.recvfrom-result",
  },
  kernelEvents: { [KernelCall.ENTER]: "kernel-call.enter", [KernelCall.EXIT]: "kernel-call.exit" },
  userEvents: { [UserCall.ENTER]: "user-call.enter", [UserCall.EXIT]: "user-call.exit" },
  containerEvents: {
    [Container.CREATED]: "container.created",
    [Container.RUNNING]: "container.running",
    [Container.EXITED]: "container.exited",
    [Container.DESTROYED]: "container.destroyed",
    [Container.UPDATED]: "container.updated",
  },
  performanceEvents: "performance",
  chargenEvents: "chargen",
  tickerEvents: "ticker",
};

/** All lists of filters. */
export const filterLists = Object.keys(kinds) as FilterList[];

/** The kind of events that a filter asks for; undefined where its type is none. */
export function kindOfFilter<L extends FilterList>(list: L, filter: EventFilter[L][number]): EventKind | undefined {
  const known = kinds[list];
  if (typeof known === "string") return known;
  return "type" in filter ? known[filter.type] : undefined;
}

/** The list of filters for each field of the oneof `event`. */
const listOfCase: Readonly<Record<string, FilterList>> = {
  process: "processEvents",
  syscall: "syscallEvents",
  file: "fileEvents",
  network: "networkEvents",
  kernelCall: "kernelEvents",
  userCall: "userEvents",
  container: "containerEvents",
  performance: "performanceEvents",
  chargen: "chargenEvents",
  ticker: "tickerEvents",
};

/** Names what an event tells: its kind, or of which ones it may be where it does not say; `lost` for what is none. */
export function kindOfEvent({ event }: EventInit): string {
  const list = listOfCase[event?.case ?? ""];
  if (list === undefined) return event?.case ?? "none";
  const known = kinds[list];
  if (typeof known === "string") return known;
  const { type } = (event?.value ?? {}) as { type?: number };
  return (type === undefined ? undefined : known[type]) ?? event?.case ?? "none";
}
