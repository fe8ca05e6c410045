import type { SampleRecord } from "@kernscope/perf";
import type { KernelSupport } from "../kernel-support.js";
import type { KernelTypes } from "../kernel-types.js";
import type { NetworkAddress, NetworkPayload } from "../payload.js";
import type { Registrations } from "../registrations.js";
import { type PeerFields, peerArguments, peerOfSocket } from "../socket-address.js";
import { ThreadMap } from "../thread-map.js";
import type { EventSink, FamilyContext } from "./family.js";

/** Where the kernel has a connection's socket at hand, in the thread that accepts it. */
export interface PeerSource {
  /** `kprobe:` and the function. */
  readonly event: string;
  readonly args: Readonly<Record<string, string>>;
}

/** Called with the connection's `struct sock` when accept(2) puts it into the socket that it returns, of any family. */
const FUNCTION = "security_sock_graft";

/** How the other end of an accepted connection can be known on this kernel; `undefined`: it cannot. */
export async function peerSource(kernel: KernelSupport): Promise<PeerSource | undefined> {
  const name = await kernel.findFunction([FUNCTION]);
  const types = name === undefined ? undefined : await kernel.types();
  const args = types && argumentsOf(types);
  return args && { event: `kprobe:${name}`, args };
}

/** `undefined` where the kernel's structs are not what they were. */
function argumentsOf(types: KernelTypes): Record<string, string> | undefined {
  try {
    return peerArguments(types, "$arg1");
  } catch {
    return undefined;
  }
}

interface AcceptResults {
  readonly type: number;
  /** Tracepoints of the calls' ends. */
  readonly points: readonly string[];
  readonly filter: string;
  readonly source: PeerSource;
  readonly result: (record: SampleRecord) => number | bigint;
}

/** Results of accept(2), each with the peer of the connection that the same thread was given just before. */
export async function registerAcceptResults(
  { type, points, filter, source, result: read }: AcceptResults,
  { processCache }: FamilyContext,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  const accepted = new ThreadMap<NetworkAddress | undefined>();
  const sample = { cgroup: true };
  const onPeer = (record: SampleRecord, data: PeerFields) => {
    if (record.pid !== process.pid) accepted.set(record.tid, peerOfSocket(data));
  };
  const onExit = (record: SampleRecord) => {
    if (record.pid === process.pid) return;
    const result = read(record);
    const peer = accepted.take(record.tid);
    if (!sink.wants(record.cgroup)) return;
    const value: NetworkPayload = { type, result, ...(result >= 0 && { address: peer }) };
    sink.emit(record, processCache.lookupTask(record.tid), { case: "network", value });
  };
  for (const point of points) await registrations.tracepoint(point, onExit, { filter, sample });
  await registrations.kprobe<PeerFields>(source.event.slice("kprobe:".length), onPeer, { args: source.args });
}
