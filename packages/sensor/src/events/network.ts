import { toKernelFilter } from "@kernscope/expression";
import type { SampleRecord } from "@kernscope/perf";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { fieldTypes } from "../field-table.js";
import { identifiersOf } from "../identifiers.js";
import type { NetworkPayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import type { PlainFilter } from "../subscription-request.js";
import type { EventFamily, EventSink, FamilyContext, Service } from "./family.js";
import { registerAcceptResults } from "./network-accepts.js";
import { type AddressSource, registerAttempts } from "./network-attempts.js";
import {
  kernelFields,
  type NetworkKind,
  needsAddress,
  networkFields,
  networkKinds,
  tellsPeer,
} from "./network-kinds.js";
import { lacksBelow, type NetworkMeans, networkMeans, networkParts } from "./network-means.js";
import { registerRingAttempts, registerRingResults } from "./network-rings.js";

/** Offsets of the first two arguments, and of the result, in the tracepoints' records. */
const FIRST = 16;
const SECOND = 24;

/** Calls on sockets, also by way of io_uring: what they are given when they begin, what they return. */
export const networkEvents: EventFamily<PlainFilter> = {
  kinds: [...networkKinds.keys()] as EventKind[],
  fields: ({ kind }) => networkFields(networkKinds.get(kind)!),
  async service(kind, kernel): Promise<Service> {
    const own = networkKinds.get(kind)!;
    const means = await networkMeans(own, kernel);
    if (means.points.length === 0) return { sources: [], lacks: ["no tracepoints of system calls"], remedies: [] };
    const { addressLack, unseen } = means;
    const probes = "a kernel with kprobes and BTF (CONFIG_KPROBE_EVENTS, CONFIG_DEBUG_INFO_BTF)";
    return {
      sources: networkParts(own, means, "").map(({ event }) => event),
      lacks: [...present(addressLack), ...unseen.map(({ lack }) => lack), ...lacksBelow(own, means)],
      remedies: [...present(addressLack && probes), ...unseen.flatMap(({ remedy }) => present(remedy))],
    };
  },
  async plan({ kind, where }, kernel) {
    const own = networkKinds.get(kind)!;
    const means = await networkMeans(own, kernel);
    const { points, address, rings, addressLack, unseen, below } = means;
    if (points.length === 0) {
      throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no tracepoints of system calls`);
    }
    const asked = where === undefined ? new Set<string>() : identifiersOf(where);
    if (needsAddress(own)) assertAnswerable(kind, asked, address);
    const fields = own.isResult ? {} : kernelFields;
    const divided = where && toKernelFilter(where, fieldTypes(networkFields(own)), { fields });
    const filter = divided?.filter ?? "";
    const unknown = below.unknown.filter((name) => asked.has(name));
    const lacks = [
      ...present(addressLack && `${addressLack} – needs a kernel with kprobes${tellsPeer(own) ? " and BTF" : ""}`),
      ...unseen.map(({ lack, remedy }) => (remedy === undefined ? lack : `${lack} – ${remedy}`)),
      ...(unknown.length === 0 ? [] : [`of ${below.what.join(" and ")} ${unknown.join(", ")} is not known`]),
    ];
    return {
      key: `${kind} ${points.join(",")}[${filter}]`,
      kernel: networkParts(own, means, filter),
      // What the kernel's filter is about can be absent from events that its call was not seen of.
      rest: needsAddress(own) || rings !== undefined ? where : divided?.rest,
      lacks: lacks.map((lack) => `${kind}: ${lack}`),
      open: (context, sink) =>
        Registrations.open(
          context.monitor,
          (id) => sink.owns(id),
          async (registrations) => {
            await registerCalls(own, means, filter, context, sink, registrations);
            await registerRings(own, means, context, sink, registrations);
          },
        ),
    };
  },
};

async function registerCalls(
  own: NetworkKind,
  { points, address, peer, rings }: NetworkMeans,
  filter: string,
  context: FamilyContext,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  const { type } = own;
  if (needsAddress(own)) {
    await registerAttempts({ type, points, filter, source: address, rings }, context, sink, registrations);
    return;
  }
  if (peer !== undefined) {
    const accepts = { type, points, filter, source: peer, result: resultOf };
    await registerAcceptResults(accepts, context, sink, registrations);
    return;
  }
  const handler = (record: SampleRecord) => {
    if (record.pid === process.pid || !sink.wants(record.cgroup)) return;
    sink.emit(record, context.processCache.lookupTask(record.tid), { case: "network", value: read(own, record) });
  };
  for (const point of points) await registrations.tracepoint(point, handler, { filter, sample: { cgroup: true } });
}

async function registerRings(
  { type, isResult }: NetworkKind,
  { rings, address }: NetworkMeans,
  { processCache }: FamilyContext,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  if (rings === undefined) return;
  if (isResult) await registerRingResults(rings, type, processCache, sink, registrations);
  // What tells the address of all ways has told of this one, too.
  else if (address?.standsAlone !== true) await registerRingAttempts(rings, type, processCache, sink, registrations);
}

function resultOf(record: SampleRecord): number | bigint {
  return record.rawSigned64(FIRST);
}

function read({ type, call, isResult }: NetworkKind, record: SampleRecord): NetworkPayload {
  if (isResult) return { type, result: resultOf(record) };
  const sockfd = record.rawUnsigned64(FIRST);
  return call === "listen" ? { type, sockfd, backlog: record.rawUnsigned64(SECOND) } : { type, sockfd };
}

/** A condition on what no event will have would be met by none, silently. */
function assertAnswerable(kind: EventKind, names: ReadonlySet<string>, source: AddressSource | undefined): void {
  const asked = [...names].filter((name) => name !== "fd");
  if (source !== undefined || asked.length === 0) return;
  const cause = `this kernel does not tell the address, which ${asked.join(", ")} is part of`;
  throw new SensorError("unsupported", `newSubscription(${kind}): ${cause} – needs a kernel with kprobes`);
}

function present(text: string | undefined): string[] {
  return text === undefined ? [] : [text];
}
