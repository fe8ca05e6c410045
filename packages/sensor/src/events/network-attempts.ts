import type { SampleRecord } from "@kernscope/perf";
import type { KernelSupport } from "../kernel-support.js";
import type { NetworkAddress, NetworkPayload } from "../payload.js";
import type { Registrations } from "../registrations.js";
import { addressOf, peerOf, type SockaddrFields, type SocketState, sockaddrArguments } from "../socket-address.js";
import { ThreadMap } from "../thread-map.js";
import type { EventSink, FamilyContext } from "./family.js";
import { isOfRing, type RingSource, ringRegisters } from "./network-rings.js";

/** A kernel event that tells the address which a call was given, on the thread that makes the call. */
export interface AddressSource {
  /** A tracepoint, or `kprobe:` and the function. */
  readonly event: string;
  readonly filter: string;
  /** Fetch expressions of the probe. */
  readonly args?: Readonly<Record<string, string>>;
  /** The call can come by other ways than the system call: what its probe sees is an attempt by itself. */
  readonly standsAlone: boolean;
  /** The probe of the function that tries a request to io_uring, which it does again where it has to wait. */
  readonly tries?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: the fields are those of the event
  readonly read: (data: any) => NetworkAddress | undefined;
}

/** Functions that are called with the kernel's own copy of the address, the best one first. */
const functions = {
  // Also io_uring's connect comes through.
  connect: { names: ["__sys_connect_file", "security_socket_connect"], standsAlone: true },
  bind: { names: ["security_socket_bind"], standsAlone: true },
  // So does write(2) on a socket, which is none of our calls.
  sendto: { names: ["security_socket_sendmsg"], standsAlone: false },
} as const;

/** Offset of the first argument in the records of calls' entries. */
const FIRST = 16;
const tcpStates = "sock/inet_sock_set_state";
/** TCP_SYN_SENT of include/net/tcp_states.h. */
const SYN_SENT = 2;

/** Where addresses can be had from on this kernel, and what is lacking then. */
export async function addressSource(
  call: string,
  kernel: KernelSupport,
): Promise<{ source?: AddressSource; lack?: string }> {
  const { names, standsAlone } = functions[call as keyof typeof functions];
  const name = await kernel.findFunction(names);
  if (name !== undefined) {
    const args = call === "sendto" ? sockaddrArguments("+0($arg2)", "+8($arg2)") : sockaddrArguments("$arg2", "$arg3");
    const read = (data: SockaddrFields) => addressOf(data);
    const trying = call === "connect" ? await kernel.findFunction(["io_connect"]) : undefined;
    const tries = trying && `kprobe:${trying}`;
    return { source: { event: `kprobe:${name}`, filter: "", args, standsAlone, tries, read } };
  }
  if (call === "connect" && kernel.hasTracepoint(tcpStates)) {
    return {
      source: {
        event: tcpStates,
        filter: `newstate == ${SYN_SENT}`,
        standsAlone: false,
        read: (data: SocketState) => peerOf(data),
      },
      lack: "the address is known of TCP connections alone",
    };
  }
  return { lack: "the address is not known" };
}

interface Attempts {
  readonly type: number;
  /** Tracepoints of the calls' entries. */
  readonly points: readonly string[];
  readonly filter: string;
  readonly source: AddressSource | undefined;
  /** Tells requests to io_uring, of which the address' source sees each try. */
  readonly rings: RingSource | undefined;
}

/** The call that has a message after the other to send, each of which can have an address of its own. */
const MANY = "syscalls/sys_enter_sendmmsg";

/**
 * Attempts: the descriptor comes from the call's entry, the address from the kernel's own copy that the same thread makes
 * next. A call that ends without having made one was given a bad descriptor or address, or none.
 */
export async function registerAttempts(
  { type, points, filter, source, rings }: Attempts,
  { processCache }: FamilyContext,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  const pending = new ThreadMap<number | bigint>();
  /** Descriptors of calls that go on with further messages. */
  const many = new ThreadMap<number | bigint>();
  /** Requests to io_uring that were not tried yet, and the one that a thread tries. */
  const requested = new ThreadMap<true>();
  const trying = new ThreadMap<number>();
  const emit = (record: SampleRecord, value: NetworkPayload) => {
    if (!sink.wants(record.cgroup)) return;
    sink.emit(record, processCache.lookupTask(record.tid), { case: "network", value });
  };
  const onEnter = (record: SampleRecord) => {
    if (record.pid === process.pid) return;
    const sockfd = record.rawUnsigned64(FIRST);
    if (source === undefined) emit(record, { type, sockfd, address: undefined });
    else pending.set(record.tid, sockfd);
  };
  const onEnterMany = (record: SampleRecord) => {
    if (record.pid !== process.pid) many.set(record.tid, record.rawUnsigned64(FIRST));
    onEnter(record);
  };
  const onAddress = (record: SampleRecord, data: unknown) => {
    if (record.pid === process.pid || source === undefined) return;
    const sockfd = pending.take(record.tid) ?? (many.size === 0 ? undefined : many.get(record.tid));
    if (sockfd !== undefined) emit(record, { type, sockfd, address: source.read(data) });
    else if (source.standsAlone) onAlone(record, data, source);
  };
  const onAlone = (record: SampleRecord, data: unknown, { read }: AddressSource) => {
    const ioUring = isOfRing(record);
    const request = trying.take(record.tid);
    // However often it is tried, it is one attempt.
    if (ioUring && request !== undefined && requested.take(request) === undefined) return;
    emit(record, { type, sockfd: undefined, address: read(data), ioUring });
  };
  const onExit = (record: SampleRecord) => {
    const sockfd = pending.take(record.tid);
    if (sockfd !== undefined) emit(record, { type, sockfd, address: undefined });
  };
  const onExitMany = (record: SampleRecord) => {
    many.take(record.tid);
    onExit(record);
  };
  const onRequest = (_: SampleRecord, { req }: Request) => requested.set(requestNumber(req), true);
  const onTry = (record: SampleRecord, { req }: Request) => trying.set(record.tid, requestNumber(req));
  const sample = { cgroup: true };
  for (const point of points) {
    const isMany = point === MANY && source !== undefined;
    await registrations.tracepoint(point, isMany ? onEnterMany : onEnter, { filter, sample });
  }
  if (source === undefined) return;
  for (const point of points) {
    const exit = point.replace("_enter_", "_exit_");
    await registrations.tracepoint(exit, point === MANY ? onExitMany : onExit, { sample });
  }
  if (source.args === undefined) {
    await registrations.tracepoint(source.event, onAddress, { filter: source.filter, sample });
    return;
  }
  if (source.tries !== undefined && rings !== undefined) {
    await registrations.tracepoint<Request>(rings.submission, onRequest, { filter: rings.filter, sample });
    await registrations.kprobe<Request>(nameOf(source.tries), onTry, { args: { req: "$arg1:u64" }, sample });
  }
  await registrations.kprobe(nameOf(source.event), onAddress, {
    args: source.args,
    sample: { ...sample, ...(source.standsAlone && { userRegisters: ringRegisters }) },
  });
}

/** Names a request to io_uring by its address. */
interface Request {
  readonly req: number | bigint;
}

/** As a number: the upper bits of all addresses of the kernel are the same. */
function requestNumber(req: number | bigint): number {
  return Number(BigInt.asUintN(48, BigInt(req)));
}

function nameOf(probe: string): string {
  return probe.slice("kprobe:".length);
}
