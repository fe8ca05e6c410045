import { type Expression, toKernelFilter } from "@kernscope/expression";
import { type FormatField, type SampleRecord, UserRegister } from "@kernscope/perf";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field, fieldTypes } from "../field-table.js";
import type { KernelSupport } from "../kernel-support.js";
import { SyscallEventType, type SyscallPayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import type { PlainFilter } from "../subscription-request.js";
import { limitsIds, pinnedIds, specialise } from "../syscall-ids.js";
import { syscallName, syscallTracepoint } from "../syscall-numbers.js";
import type { EventFamily, EventSink, FamilyContext, KernelPart, SourcePlan } from "./family.js";

const args = ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"] as const;

const enterFields: FieldTable = {
  id: field<SyscallPayload>("int64", ({ id }) => id),
  ...Object.fromEntries(args.map((name) => [name, field<SyscallPayload>("uint64", (value) => value[name])])),
};
const exitFields: FieldTable = {
  id: field<SyscallPayload>("int64", ({ id }) => id),
  ret: field<SyscallPayload>("int64", ({ ret }) => ret),
};

/** Calls that an expression may name and that are watched one by one: beyond, watching all of them costs less. */
const MAX_SINGLE = 16;
/** Where a record's arguments, or its result, lie (include/trace/syscall.h, include/trace/events/syscalls.h). */
const ARGS = 16;
/** x86-64: calls after which the registers are not those with which they were entered. */
const replacesRegisters = new Set(["execve", "execveat", "rt_sigreturn"]);

/**
 * System calls. Those that a condition names one by one are watched by tracepoints of their own, which cost the host's
 * other calls a fifth of what the tracepoint of all calls costs.
 */
export const syscallEvents: EventFamily<PlainFilter> = {
  kinds: ["syscall.enter", "syscall.exit"],
  fields: ({ kind }) => (kind === "syscall.enter" ? enterFields : exitFields),
  service(kind, kernel) {
    const raw = rawTracepoint(kind);
    if (!kernel.hasTracepoint(raw)) {
      return {
        sources: [],
        lacks: ["the kernel has no tracepoints of system calls"],
        remedies: ["a kernel with CONFIG_FTRACE_SYSCALLS"],
      };
    }
    return {
      sources: [`syscalls/sys_${side(kind)}_*`, raw],
      lacks: ["calls through the 32-bit table are left out: their numbers mean something else"],
      remedies: [],
    };
  },
  async plan({ kind, where }, kernel) {
    if (where === undefined || !limitsIds(where)) {
      const cause = "without a condition on id it would trace every system call of the host";
      throw new SensorError("invalid", `newSubscription(${kind}): ${cause} – add one such as id == 59`);
    }
    const ids = pinnedIds(where);
    const single = ids !== undefined && ids.size <= MAX_SINGLE ? await planSingle(kind, where, ids, kernel) : undefined;
    return single ?? planRaw(kind, where, kernel);
  },
};

/** One call's tracepoint. */
interface Single {
  readonly id: number;
  readonly event: string;
  readonly filter: string;
  /** Arguments that its record has. */
  readonly argCount: number;
}

/** `undefined` where one of the calls has no tracepoint. */
async function planSingle(
  kind: EventKind,
  where: Expression,
  ids: ReadonlySet<number>,
  kernel: KernelSupport,
): Promise<SourcePlan | undefined> {
  const types = fieldTypes(kind === "syscall.enter" ? enterFields : exitFields);
  const singles: Single[] = [];
  let isWhole = true;
  for (const id of ids) {
    const event = syscallTracepoint(id, side(kind));
    if (event === undefined || !kernel.hasTracepoint(event)) return undefined;
    const special = specialise(where, id, types);
    if (special === false) continue;
    const format = (await kernel.format(event)).fields.filter(({ name }) => name !== "__syscall_nr");
    const known = kind === "syscall.enter" ? kernelArguments(format) : { ret: "ret" };
    const divided = special === true ? undefined : toKernelFilter(special, types, { fields: { id: null, ...known } });
    if (divided?.rest !== undefined) isWhole = false;
    singles.push({ id, event, filter: divided?.filter ?? "", argCount: Math.min(format.length, args.length) });
  }
  if (singles.length === 0) {
    throw new SensorError("invalid", `newSubscription(${kind}): no system call can pass the condition – change it`);
  }
  const parts = singles.map(({ event, filter }) => ({ event, filter }));
  return {
    key: keyOf(kind, parts),
    kernel: parts,
    // Each tracepoint has a rest of its own; the whole condition says the same of all.
    rest: isWhole ? undefined : where,
    open: (context, sink) =>
      Registrations.open(
        context.monitor,
        (id) => sink.owns(id),
        async (registrations) => {
          for (const { id, event, filter, argCount } of singles) {
            const read = kind === "syscall.enter" ? () => argCount : () => -1;
            await registrations.tracepoint(
              event,
              handler(context, sink, () => id, read()),
              options(filter, 0),
            );
          }
        },
      ),
  };
}

/** What a call's arguments are called in its tracepoint; strings are compared by their address here, there by content. */
function kernelArguments(format: readonly FormatField[]) {
  return Object.fromEntries(
    args.map((name, at) => {
      const own = format[at];
      const isNumber = own !== undefined && own.size === 8 && !/^(?:const )?char \*$/.test(own.type);
      return [name, isNumber ? own.name : null];
    }),
  );
}

function planRaw(kind: EventKind, where: Expression, kernel: KernelSupport): SourcePlan {
  const event = rawTracepoint(kind);
  if (!kernel.hasTracepoint(event)) {
    throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no tracepoint ${event}`);
  }
  const isEnter = kind === "syscall.enter";
  const absent = Object.fromEntries(args.map((name) => [name, null]));
  const { filter = "", rest } = toKernelFilter(where, fieldTypes(isEnter ? enterFields : exitFields), {
    fields: isEnter ? absent : {},
  });
  const { CX, IP } = UserRegister.x64;
  const registers = process.arch === "x64" ? (1 << CX) | (1 << IP) : 1;
  return {
    key: keyOf(kind, [{ event, filter }]),
    kernel: [{ event, filter }],
    rest,
    open: (context, sink) => {
      const call = handler(context, sink, (record) => Number(record.rawSigned64(8)), isEnter ? args.length : -1);
      return Registrations.open(
        context.monitor,
        (id) => sink.owns(id),
        (registrations) =>
          registrations.tracepoint(
            event,
            (record) => {
              if (!isOf32Bit(record, isEnter)) call(record);
            },
            options(filter, registers),
          ),
      );
    },
  };
}

/** @param argCount arguments that the record has; −1: it has a result */
function handler(
  { processCache }: FamilyContext,
  sink: EventSink,
  idOf: (record: SampleRecord) => number,
  argCount: number,
) {
  const ownPid = process.pid;
  return (record: SampleRecord) => {
    if (record.pid === ownPid) return;
    const id = idOf(record);
    const value: SyscallPayload =
      argCount < 0
        ? { type: SyscallEventType.EXIT, id, ret: record.rawSigned64(ARGS) }
        : {
            type: SyscallEventType.ENTER,
            id,
            arg0: argCount > 0 ? record.rawUnsigned64(ARGS) : undefined,
            arg1: argCount > 1 ? record.rawUnsigned64(ARGS + 8) : undefined,
            arg2: argCount > 2 ? record.rawUnsigned64(ARGS + 16) : undefined,
            arg3: argCount > 3 ? record.rawUnsigned64(ARGS + 24) : undefined,
            arg4: argCount > 4 ? record.rawUnsigned64(ARGS + 32) : undefined,
            arg5: argCount > 5 ? record.rawUnsigned64(ARGS + 40) : undefined,
          };
    sink.emit(record, processCache.lookupTask(record.tid), { case: "syscall", value });
  };
}

/**
 * Whether a call went through the table of 32-bit calls. A 64-bit program on x86 can do so too (`int $0x80`): the
 * `syscall` instruction leaves the address it returns to in RCX, that one does not.
 */
function isOf32Bit(record: SampleRecord, isEnter: boolean): boolean {
  if (record.userRegistersAbi === 1) return true;
  if (process.arch !== "x64" || record.userRegistersAbi !== 2) return false;
  if (!isEnter && replacesRegisters.has(syscallName(Number(record.rawSigned64(8))) ?? "")) return false;
  const { CX, IP } = UserRegister.x64;
  return record.userRegister(CX) !== record.userRegister(IP);
}

function options(filter: string, userRegisters: number) {
  return { filter, sample: { cgroup: true, ...(userRegisters !== 0 && { userRegisters }) } };
}

function side(kind: EventKind): "enter" | "exit" {
  return kind === "syscall.enter" ? "enter" : "exit";
}

function rawTracepoint(kind: EventKind): string {
  return `raw_syscalls/sys_${side(kind)}`;
}

function keyOf(kind: EventKind, parts: readonly KernelPart[]): string {
  return [kind, ...parts.map(({ event, filter }) => `${event}[${filter}]`)].join(" ");
}
