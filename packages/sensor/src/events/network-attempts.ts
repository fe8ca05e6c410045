import type { SampleRecord } from "@kernscope/perf";
import type { KernelSupport } from "../kernel-support.js";
import type { NetworkAddress, NetworkPayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import { addressOf, peerOf, type SockaddrFields, type SocketState, sockaddrArguments } from "../socket-address.js";
import { ThreadMap } from "../thread-map.js";
import type { CloseEvents, EventSink, FamilyContext } from "./family.js";

/** A kernel event that tells the address which a call was given, on the thread that makes the call. */
export interface AddressSource {
  /** A tracepoint, or `kprobe:` and the function. */
  readonly event: string;
  readonly filter: string;
  /** Fetch expressions of the probe. */
  readonly args?: Readonly<Record<string, string>>;
  /** The call can come by other ways than the system call: what its probe sees is an attempt by itself. */
  readonly standsAlone: boolean;
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
    return { source: { event: `kprobe:${name}`, filter: "", args, standsAlone, read } };
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
}

/**
 * Attempts: the descriptor comes from the call's entry, the address from the kernel's own copy that the same thread makes
 * next. A call that ends without having made one was given a bad descriptor or address, or none.
 */
export function openAttempts(
  { type, points, filter, source }: Attempts,
  { monitor, processCache }: FamilyContext,
  sink: EventSink,
): Promise<CloseEvents> {
  const pending = new ThreadMap<number | bigint>();
  const sample = { cgroup: true };
  const emit = (record: SampleRecord, sockfd: number | bigint | undefined, address: NetworkAddress | undefined) => {
    const value: NetworkPayload = { type, sockfd, address };
    sink.emit(record, processCache.lookupTask(record.tid), { case: "network", value });
  };
  const onEnter = (record: SampleRecord) => {
    if (record.pid === process.pid) return;
    const sockfd = record.rawUnsigned64(16);
    if (source === undefined) emit(record, sockfd, undefined);
    else pending.set(record.tid, sockfd);
  };
  const onAddress = (record: SampleRecord, data: unknown) => {
    if (record.pid === process.pid) return;
    const sockfd = pending.take(record.tid);
    if (sockfd !== undefined || source?.standsAlone) emit(record, sockfd, source?.read(data));
  };
  const onExit = (record: SampleRecord) => {
    const sockfd = pending.take(record.tid);
    if (sockfd !== undefined) emit(record, sockfd, undefined);
  };
  return Registrations.open(
    monitor,
    (id) => sink.owns(id),
    async (registrations) => {
      for (const point of points) await registrations.tracepoint(point, onEnter, { filter, sample });
      if (source === undefined) return;
      for (const point of points)
        await registrations.tracepoint(point.replace("_enter_", "_exit_"), onExit, { sample });
      if (source.args === undefined) {
        await registrations.tracepoint(source.event, onAddress, { filter: source.filter, sample });
      } else {
        await registrations.kprobe(source.event.slice("kprobe:".length), onAddress, { args: source.args, sample });
      }
    },
  );
}
