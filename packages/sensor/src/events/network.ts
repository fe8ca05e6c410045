import { toKernelFilter } from "@kernscope/expression";
import type { SampleRecord } from "@kernscope/perf";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field, fieldTypes } from "../field-table.js";
import { identifiersOf } from "../identifiers.js";
import type { KernelSupport } from "../kernel-support.js";
import { NetworkEventType, type NetworkPayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import { addressFields } from "../socket-address.js";
import type { PlainFilter } from "../subscription-request.js";
import type { EventFamily, Service } from "./family.js";
import { openAcceptResults, peerSource } from "./network-accepts.js";
import { type AddressSource, addressSource, openAttempts } from "./network-attempts.js";

/** The calls that make events of each kind, and the API's number of it. */
interface NetworkKind {
  readonly type: number;
  readonly calls: readonly string[];
  readonly call: "connect" | "bind" | "listen" | "accept" | "sendto" | "recvfrom";
  readonly isResult: boolean;
}

const calls = {
  connect: ["connect"],
  bind: ["bind"],
  listen: ["listen"],
  accept: ["accept", "accept4"],
  sendto: ["sendto", "sendmsg", "sendmmsg"],
  recvfrom: ["recvfrom", "recvmsg", "recvmmsg"],
} as const;

const kinds = new Map<string, NetworkKind>(
  (Object.keys(calls) as (keyof typeof calls)[]).flatMap((call) =>
    (["ATTEMPT", "RESULT"] as const).map((side) => {
      const type = NetworkEventType[`${call.toUpperCase() as Uppercase<typeof call>}_${side}`];
      const kind = { type, calls: calls[call], call, isResult: side === "RESULT" };
      return [`network.${call}-${side.toLowerCase()}`, kind] as const;
    }),
  ),
);

const fd = field<NetworkPayload>("uint64", ({ sockfd }) => sockfd);
const resultFields: FieldTable = { ret: field<NetworkPayload>("int64", ({ result }) => result) };
const fdFields: FieldTable = { fd };
const listenFields: FieldTable = { fd, backlog: field<NetworkPayload>("uint64", ({ backlog }) => backlog) };
const attemptFields: FieldTable = {
  fd,
  sa_family: field("uint16", addressFields.sa_family),
  sin_port: field("uint16", addressFields.sin_port),
  sin_addr: field("uint32", addressFields.sin_addr),
  sin6_port: field("uint16", addressFields.sin6_port),
  sin6_addr_high: field("uint64", addressFields.sin6_addr_high),
  sin6_addr_low: field("uint64", addressFields.sin6_addr_low),
  sun_path: field("string", addressFields.sun_path),
};
/** What the kernel's tracepoints of the calls have, as wide as registers. */
const kernelFields = {
  ...Object.fromEntries(Object.keys(attemptFields).map((name) => [name, null])),
  fd: { name: "fd", type: "uint64" as const },
  backlog: { name: "backlog", type: "uint64" as const },
};
/** Offsets of the first two arguments, and of the result, in the tracepoints' records. */
const FIRST = 16;
const SECOND = 24;

/** Calls on sockets: what they are given when they begin, what they return. */
export const networkEvents: EventFamily<PlainFilter> = {
  kinds: [...kinds.keys()] as EventKind[],
  fields: ({ kind }) => tableOf(kinds.get(kind)!),
  async service(kind, kernel): Promise<Service> {
    const own = kinds.get(kind)!;
    const points = tracepointsOf(own, kernel);
    if (points.length === 0) return { sources: [], lacks: ["no tracepoints of system calls"], remedies: [] };
    const { source, lack } = await addressOrPeer(own, kernel);
    return {
      sources: [...points, ...(source === undefined ? [] : [source.event])],
      lacks: lack === undefined ? [] : [lack],
      remedies:
        lack === undefined ? [] : ["a kernel with kprobes and BTF (CONFIG_KPROBE_EVENTS, CONFIG_DEBUG_INFO_BTF)"],
    };
  },
  async plan({ kind, where }, kernel) {
    const own = kinds.get(kind)!;
    const points = tracepointsOf(own, kernel);
    if (points.length === 0) {
      throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no tracepoints of system calls`);
    }
    const fields = own.isResult ? {} : kernelFields;
    const divided = where && toKernelFilter(where, fieldTypes(tableOf(own)), { fields });
    const filter = divided?.filter ?? "";
    const kernelParts = points.map((event) => ({ event, filter }));
    const key = `${kind} ${points.join(",")}[${filter}]`;
    if (needsAddress(own)) {
      const { source, lack } = await addressSource(own.call, kernel);
      assertAnswerable(kind, where === undefined ? new Set() : identifiersOf(where), source);
      return {
        key,
        kernel: [...kernelParts, ...(source === undefined ? [] : [{ event: source.event, filter: source.filter }])],
        // What the kernel's filter is about can be absent from events that its call was not seen of.
        rest: where,
        lacks: lack === undefined ? [] : [`${kind}: ${lack} – needs a kernel with kprobes`],
        open: (context, sink) => openAttempts({ type: own.type, points, filter, source }, context, sink),
      };
    }
    const peers = tellsPeer(own) ? await peerSource(kernel) : undefined;
    if (peers !== undefined) {
      const accepts = { type: own.type, points, filter, source: peers, result: resultOf };
      return {
        key,
        kernel: [...kernelParts, { event: peers.event, filter: "" }],
        rest: divided?.rest,
        open: (context, sink) => openAcceptResults(accepts, context, sink),
      };
    }
    return {
      key,
      kernel: kernelParts,
      rest: divided?.rest,
      ...(tellsPeer(own) && { lacks: [`${kind}: ${noPeer} – needs a kernel with kprobes and BTF`] }),
      open: ({ monitor, processCache }, sink) =>
        Registrations.open(
          monitor,
          (id) => sink.owns(id),
          async (registrations) => {
            const handler = (record: SampleRecord) => {
              if (record.pid === process.pid) return;
              sink.emit(record, processCache.lookupTask(record.tid), { case: "network", value: read(own, record) });
            };
            for (const point of points) {
              await registrations.tracepoint(point, handler, { filter, sample: { cgroup: true } });
            }
          },
        ),
    };
  },
};

const noPeer = "the peer's address is not known";

function tellsPeer({ call, isResult }: NetworkKind): boolean {
  return call === "accept" && isResult;
}

/** The kernel event that an address comes from, of the kinds that have one. */
async function addressOrPeer(
  own: NetworkKind,
  kernel: KernelSupport,
): Promise<{ source?: { readonly event: string }; lack?: string }> {
  if (needsAddress(own)) return addressSource(own.call, kernel);
  if (!tellsPeer(own)) return {};
  const source = await peerSource(kernel);
  return source === undefined ? { lack: noPeer } : { source };
}

function resultOf(record: SampleRecord): number | bigint {
  return record.rawSigned64(FIRST);
}

function read({ type, call, isResult }: NetworkKind, record: SampleRecord): NetworkPayload {
  if (isResult) return { type, result: resultOf(record) };
  const sockfd = record.rawUnsigned64(FIRST);
  return call === "listen" ? { type, sockfd, backlog: record.rawUnsigned64(SECOND) } : { type, sockfd };
}

function tableOf({ call, isResult }: NetworkKind): FieldTable {
  if (isResult) return resultFields;
  if (call === "listen") return listenFields;
  return call === "accept" || call === "recvfrom" ? fdFields : attemptFields;
}

function needsAddress({ call, isResult }: NetworkKind): boolean {
  return !isResult && (call === "connect" || call === "bind" || call === "sendto");
}

function tracepointsOf({ calls, isResult }: NetworkKind, kernel: KernelSupport): string[] {
  const names = calls.map((call) => `syscalls/sys_${isResult ? "exit" : "enter"}_${call}`);
  return names.filter((name) => kernel.hasTracepoint(name));
}

/** A condition on what no event will have would be met by none, silently. */
function assertAnswerable(kind: EventKind, names: ReadonlySet<string>, source: AddressSource | undefined): void {
  const asked = [...names].filter((name) => name !== "fd");
  if (source !== undefined || asked.length === 0) return;
  const cause = `this kernel does not tell the address, which ${asked.join(", ")} is part of`;
  throw new SensorError("unsupported", `newSubscription(${kind}): ${cause} – needs a kernel with kprobes`);
}
