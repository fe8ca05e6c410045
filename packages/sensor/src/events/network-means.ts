import type { KernelSupport } from "../kernel-support.js";
import type { KernelPart } from "./family.js";
import { type PeerSource, peerSource } from "./network-accepts.js";
import { type AddressSource, addressSource } from "./network-attempts.js";
import { type NetworkKind, needsAddress, networkFields, tellsPeer } from "./network-kinds.js";
import { hasRings, type RingSource, ringSource } from "./network-rings.js";

/** What events of a kind are made from on this kernel. */
export interface NetworkMeans {
  /** Tracepoints of the calls; none: there are no events. */
  readonly points: readonly string[];
  readonly address: AddressSource | undefined;
  readonly peer: PeerSource | undefined;
  readonly rings: RingSource | undefined;
  /** What is lacking of the addresses of system calls. */
  readonly addressLack: string | undefined;
  /** What is not seen at all. */
  readonly unseen: readonly Unseen[];
  /** What is seen below the system calls alone, and the fields that are not known of it. */
  readonly below: { readonly what: readonly string[]; readonly unknown: readonly string[] };
}

/** Something that makes no events, and what else tells of it. */
export interface Unseen {
  readonly lack: string;
  readonly remedy: string | undefined;
}

const noPeer = "the peer's address is not known";
const compatCalls: Unseen = {
  lack: "calls through the table of 32-bit calls are not seen",
  remedy: "syscall.enter and syscall.exit tell 32-bit calls where a condition asks for compat == true",
};
const repeated = "a request to io_uring that has to wait is told again when it is tried again";
const ringRequests: Unseen = { lack: "requests to io_uring are not seen", remedy: undefined };

export async function networkMeans(kind: NetworkKind, kernel: KernelSupport): Promise<NetworkMeans> {
  const names = kind.calls.map((call) => `syscalls/sys_${kind.isResult ? "exit" : "enter"}_${call}`);
  const rings = await ringSource(kind.call, kernel);
  const known: Awaited<ReturnType<typeof addressSource>> = needsAddress(kind)
    ? await addressSource(kind.call, kernel)
    : {};
  const address = known.source;
  const peer = tellsPeer(kind) ? await peerSource(kernel) : undefined;
  const all = seesAll(address);
  const what = [
    ...(rings === undefined && !(all && hasRings(kernel)) ? [] : ["requests to io_uring"]),
    ...(all && kernel.hasCompatCalls ? ["32-bit calls"] : []),
  ];
  const fields = kind.isResult ? [] : Object.keys(networkFields(kind));
  return {
    points: names.filter((name) => kernel.hasTracepoint(name)),
    address,
    peer,
    rings,
    addressLack: tellsPeer(kind) && peer === undefined ? noPeer : known.lack,
    unseen: [
      ...(all || !kernel.hasCompatCalls ? [] : [compatCalls]),
      ...(all || rings !== undefined || !hasRings(kernel) ? [] : [ringRequests]),
    ],
    below: { what, unknown: what.length === 0 ? [] : fields.filter((name) => name === "fd" || !all) },
  };
}

/** A function that all ways lead through sees them all. */
function seesAll(address: AddressSource | undefined): boolean {
  return address?.standsAlone === true;
}

/** The kernel events, each with its filter; `filter` is that of the calls. */
export function networkParts(kind: NetworkKind, means: NetworkMeans, filter: string): KernelPart[] {
  const { points, address, peer, rings } = means;
  const parts: KernelPart[] = points.map((event) => ({ event, filter }));
  if (address !== undefined) parts.push({ event: address.event, filter: address.filter });
  if (address?.tries !== undefined && rings !== undefined) parts.push({ event: address.tries, filter: "" });
  if (peer !== undefined) parts.push({ event: peer.event, filter: "" });
  // What sees all ways sees this one, if perhaps more than once.
  if (rings === undefined || (seesAll(address) && address?.tries === undefined)) return parts;
  parts.push({ event: rings.submission, filter: rings.filter });
  if (kind.isResult) parts.push(...rings.completions.map((event) => ({ event, filter: "" })));
  return parts;
}

/** What is not known of what no system call's tracepoint sees. */
export function lacksBelow(kind: NetworkKind, { rings, address, peer, below }: NetworkMeans): string[] {
  if (!kind.isResult) {
    if (below.unknown.length === 0) return [];
    const more = below.unknown.length === 1 ? "" : kind.call === "listen" ? " and the backlog" : " and the address";
    return [
      `of ${below.what.join(" and ")} the descriptor${more} is not known`,
      ...(kind.call === "connect" && seesAll(address) && address?.tries === undefined ? [repeated] : []),
    ];
  }
  if (rings === undefined) return [];
  return [
    "results that a program does not want of io_uring (IOSQE_CQE_SKIP_SUCCESS) are not seen",
    ...(peer === undefined ? [] : ["of requests to io_uring the peer's address is not known"]),
  ];
}
