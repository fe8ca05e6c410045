import { type SampleRecord, UserRegister } from "@kernscope/perf";
import type { ProcessInfoCache, Task } from "@kernscope/process-cache";
import type { KernelSupport } from "../kernel-support.js";
import type { NetworkPayload } from "../payload.js";
import type { Registrations } from "../registrations.js";
import { RingRequests } from "../ring-requests.js";
import type { EventSink } from "./family.js";
import type { NetworkCall } from "./network-kinds.js";

/** Operations of io_uring that do what the calls do: IORING_OP_ of include/uapi/linux/io_uring.h. */
const operations = {
  connect: [16],
  bind: [56],
  listen: [57],
  accept: [13],
  // SENDMSG, SEND, SEND_ZC, SENDMSG_ZC
  sendto: [9, 26, 47, 48],
  // RECVMSG, RECV, RECV_ZC
  recvfrom: [10, 27, 58],
} as const satisfies Record<NetworkCall, readonly number[]>;

/** A request is submitted; the name has changed with Linux 6.4. */
const submissions = ["io_uring/io_uring_submit_req", "io_uring/io_uring_submit_sqe"];
const COMPLETION = "io_uring/io_uring_complete";
/** A result finds no room in its ring: no completion then, but with some kernels. */
const OVERFLOW = "io_uring/io_uring_cqe_overflow";

/** Bits of the flags in include/uapi/linux/io_uring.h. */
const CQE_SKIP_SUCCESS = 1 << 6;
const CQE_MORE = 1 << 1;

/** Kernel events that tell what goes through io_uring instead of a system call. */
export interface RingSource {
  readonly submission: string;
  /** Lets only the operations of one call pass. */
  readonly filter: string;
  /** Events of results; they do not say of which operation. */
  readonly completions: readonly string[];
}

interface Submission {
  readonly req: number | bigint;
  readonly ctx: number | bigint;
  readonly user_data: number | bigint;
  readonly flags: number | bigint;
}

interface Completion {
  /** NULL where the request goes on; an overflow does not have it. */
  readonly req?: number | bigint;
  readonly ctx: number | bigint;
  readonly user_data: number | bigint;
  readonly res: number;
  readonly cflags: number;
}

/** How calls of a kind that go through io_uring can be seen on this kernel; `undefined`: it has none, or does not tell. */
export async function ringSource(call: NetworkCall, kernel: KernelSupport): Promise<RingSource | undefined> {
  const submission = submissions.find((name) => kernel.hasTracepoint(name));
  if (submission === undefined || !kernel.hasTracepoint(COMPLETION)) return undefined;
  if (!(await tells(kernel, submission, ["req", "ctx", "user_data", "opcode", "flags"]))) return undefined;
  if (!(await tells(kernel, COMPLETION, ["req", "ctx", "user_data", "res", "cflags"]))) return undefined;
  const numbers: readonly number[] = operations[call];
  const filter = numbers.map((number) => `opcode == ${number}`).join(" || ");
  return { submission, filter, completions: [COMPLETION, OVERFLOW].filter((name) => kernel.hasTracepoint(name)) };
}

/** Whether the kernel has io_uring at all. */
export function hasRings(kernel: KernelSupport): boolean {
  return kernel.hasTracepoint("syscalls/sys_enter_io_uring_setup") || kernel.hasTracepoint(COMPLETION);
}

async function tells(kernel: KernelSupport, event: string, fields: readonly string[]): Promise<boolean> {
  const known = new Set((await kernel.format(event)).fields.map(({ name }) => name));
  return fields.every((name) => known.has(name));
}

/** Each request of a call's kind is an attempt. */
export async function registerRingAttempts(
  { submission, filter }: RingSource,
  type: number,
  processCache: ProcessInfoCache,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  const onSubmit = (record: SampleRecord) => {
    if (record.pid === process.pid || !sink.wants(record.cgroup)) return;
    const value: NetworkPayload = { type, ioUring: true };
    sink.emit(record, processCache.lookupTask(record.tid), { case: "network", value });
  };
  await registrations.tracepoint(submission, onSubmit, { filter, sample: { cgroup: true } });
}

/** What a request ends with is a result, of the task that made the request. */
export async function registerRingResults(
  { submission, filter, completions }: RingSource,
  type: number,
  processCache: ProcessInfoCache,
  sink: EventSink,
  registrations: Registrations,
): Promise<void> {
  const requests = new RingRequests<Task>();
  const sample = { cgroup: true };
  const onSubmit = (record: SampleRecord, { req, ctx, user_data: userData, flags }: Submission) => {
    if (record.pid === process.pid) return;
    // What has no completion where all went well cannot be told from what uses its address next.
    if ((Number(flags) & CQE_SKIP_SUCCESS) !== 0) return;
    requests.begin({ req, ctx, userData }, processCache.lookupTask(record.tid));
  };
  const onComplete = (record: SampleRecord, data: Completion) => {
    // Most rings are those of files.
    if (requests.size === 0) return;
    const { req = 0, ctx, user_data: userData, cflags } = data;
    const task =
      req === 0
        ? requests.endNamed({ ctx, userData }, (cflags & CQE_MORE) !== 0)
        : requests.end({ req, ctx, userData });
    if (task === undefined) return;
    const value: NetworkPayload = { type, result: data.res, ioUring: true };
    sink.emit(record, task, { case: "network", value });
  };
  // These first, so that what is submitted is also seen to end.
  for (const point of completions) await registrations.tracepoint<Completion>(point, onComplete, { sample });
  await registrations.tracepoint<Submission>(submission, onSubmit, { filter, sample });
}

const { CX, IP } = UserRegister.x64;

/** What {@link isOfRing} looks at. */
export const ringRegisters = process.arch === "x64" ? (1 << CX) | (1 << IP) : 1;

/**
 * Whether what is no system call of its own kind is a request to io_uring; otherwise it is a 32-bit call. A worker of
 * io_uring has never been in user space; a program enters io_uring by the `syscall` instruction, which leaves in RCX where
 * it returns to.
 */
export function isOfRing(record: SampleRecord): boolean {
  const abi = record.userRegistersAbi;
  if (process.arch !== "x64") return abi !== 1;
  const ip = record.userRegister(IP);
  if (ip === undefined || ip === 0n) return true;
  return abi === 2 && record.userRegister(CX) === ip;
}
