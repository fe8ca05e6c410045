import { type FieldTable, field } from "../field-table.js";
import { NetworkEventType, type NetworkPayload } from "../payload.js";
import { addressFields } from "../socket-address.js";

/** The calls that make events of each kind, and the API's number of it. */
export interface NetworkKind {
  readonly type: number;
  readonly calls: readonly string[];
  readonly call: NetworkCall;
  readonly isResult: boolean;
}

export type NetworkCall = keyof typeof calls;

const calls = {
  connect: ["connect"],
  bind: ["bind"],
  listen: ["listen"],
  accept: ["accept", "accept4"],
  sendto: ["sendto", "sendmsg", "sendmmsg"],
  recvfrom: ["recvfrom", "recvmsg", "recvmmsg"],
} as const;

/** By the names of kinds. */
export const networkKinds: ReadonlyMap<string, NetworkKind> = new Map<string, NetworkKind>(
  (Object.keys(calls) as NetworkCall[]).flatMap((call) =>
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

/** What the kernel's tracepoints of calls' entries have, as wide as registers. */
export const kernelFields = {
  ...Object.fromEntries(Object.keys(attemptFields).map((name) => [name, null])),
  fd: { name: "fd", type: "uint64" as const },
  backlog: { name: "backlog", type: "uint64" as const },
};

/** The fields of a kind's conditions. */
export function networkFields(kind: NetworkKind): FieldTable {
  if (kind.isResult) return resultFields;
  if (needsAddress(kind)) return attemptFields;
  return kind.call === "listen" ? listenFields : fdFields;
}

/** The program gives an address, which the calls' entries do not have. */
export function needsAddress({ call, isResult }: NetworkKind): boolean {
  return !isResult && (call === "connect" || call === "bind" || call === "sendto");
}

/** The kernel has an address to tell with the result. */
export function tellsPeer({ call, isResult }: NetworkKind): boolean {
  return call === "accept" && isResult;
}
