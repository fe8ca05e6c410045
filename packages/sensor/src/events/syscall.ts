import { type Expression, type FieldTypes, type KernelFilter, toKernelFilter } from "@kernscope/expression";
import { type FormatField, type SampleRecord, UserRegister } from "@kernscope/perf";
import { SensorError } from "../errors.js";
import type { EventKind } from "../event-kinds.js";
import { type FieldTable, field, fieldTypes } from "../field-table.js";
import { identifiersOf } from "../identifiers.js";
import type { KernelSupport } from "../kernel-support.js";
import { SyscallEventType, type SyscallPayload } from "../payload.js";
import { Registrations } from "../registrations.js";
import type { PlainFilter } from "../subscription-request.js";
import { limitsIds, pinnedIds, specialise, weakened } from "../syscall-ids.js";
import { compatArchitecture, syscallName, syscallNames, syscallNumber, syscallTracepoint } from "../syscall-numbers.js";
import type { EventFamily, EventSink, FamilyContext, KernelPart, SourcePlan } from "./family.js";

const args = ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5"] as const;

const common = {
  id: field<SyscallPayload>("int64", ({ id }) => id),
  compat: field<SyscallPayload>("bool", ({ compat }) => compat === true),
};
const enterFields: FieldTable = {
  ...common,
  ...Object.fromEntries(args.map((name) => [name, field<SyscallPayload>("uint64", (value) => value[name])])),
};
const exitFields: FieldTable = {
  ...common,
  ret: field<SyscallPayload>("int64", ({ ret }) => ret),
};

/** Calls that an expression may name and that are watched one by one: beyond, watching all of them costs less. */
const MAX_SINGLE = 16;
/** Where a record's arguments, or its result, lie (include/trace/syscall.h, include/trace/events/syscalls.h). */
const ARGS = 16;
/** What the records of the tracepoint of all calls do not have as fields by themselves. */
const notInRaw: ReadonlySet<string> = new Set([...args, "compat"]);

/**
 * System calls. Those that a condition names one by one are watched by tracepoints of their own, which cost the host's
 * other calls a fifth of what the tracepoint of all calls costs. They do not see the calls of 32-bit programs
 * (ARCH_TRACE_IGNORE_COMPAT_SYSCALLS), whose numbers are those of another table: who wants these names `compat`.
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
    return { sources: [`syscalls/sys_${side(kind)}_*`, raw], lacks: [], remedies: [] };
  },
  async plan({ kind, where }, kernel) {
    if (where === undefined || !limitsIds(where)) {
      const cause = "without a condition on id it would trace every system call of the host";
      throw new SensorError("invalid", `newSubscription(${kind}): ${cause} – add one such as id == 59`);
    }
    const types = typesOf(kind);
    if (identifiersOf(where).has("compat") && specialise(where, "compat", true, types) !== false) {
      return planRaw(kind, where, true, kernel);
    }
    const wide = specialise(where, "compat", false, types);
    if (typeof wide === "boolean") throw impossible(kind);
    const ids = pinnedIds(wide);
    const single = ids !== undefined && ids.size <= MAX_SINGLE ? await planSingle(kind, wide, ids, kernel) : undefined;
    return single ?? planRaw(kind, wide, false, kernel);
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
  const types = typesOf(kind);
  const singles: Single[] = [];
  let isWhole = true;
  for (const id of ids) {
    const event = syscallTracepoint(id, side(kind));
    if (event === undefined || !kernel.hasTracepoint(event)) return undefined;
    const special = specialise(where, "id", id, types);
    if (special === false) continue;
    const format = (await kernel.format(event)).fields.filter(({ name }) => name !== "__syscall_nr");
    const known = kind === "syscall.enter" ? kernelArguments(format) : { ret: "ret" };
    const divided = special === true ? undefined : toKernelFilter(special, types, { fields: { id: null, ...known } });
    if (divided?.rest !== undefined) isWhole = false;
    singles.push({ id, event, filter: divided?.filter ?? "", argCount: Math.min(format.length, args.length) });
  }
  if (singles.length === 0) throw impossible(kind);
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
            const call = handler(context, sink, kind === "syscall.enter" ? argCount : -1);
            const name = syscallName(id);
            await registrations.tracepoint(event, (record) => call(record, id, name, false), options(filter, 0));
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

/** @param both calls through either table, not those of the 64-bit table alone */
function planRaw(kind: EventKind, where: Expression, both: boolean, kernel: KernelSupport): SourcePlan {
  const event = rawTracepoint(kind);
  if (!kernel.hasTracepoint(event)) {
    throw new SensorError("unsupported", `newSubscription(${kind}): the kernel has no tracepoint ${event}`);
  }
  const isEnter = kind === "syscall.enter";
  const { filter = "", rest } = divide(where, typesOf(kind));
  const { BX, CX, IP } = UserRegister.x64;
  const registers = process.arch === "x64" ? (isEnter ? 0 : 1 << BX) | (1 << CX) | (1 << IP) : 1;
  const parts = [{ event, filter }];
  return {
    key: `${keyOf(kind, parts)}${both ? " compat" : ""}`,
    kernel: parts,
    rest,
    open: (context, sink) => {
      const call = handler(context, sink, isEnter ? args.length : -1);
      const names = syscallNames();
      const compatNames = syscallNames(compatArchitecture() ?? "");
      return Registrations.open(
        context.monitor,
        (id) => sink.owns(id),
        (registrations) =>
          registrations.tracepoint(
            event,
            (record) => {
              const id = Number(record.rawSigned64(8));
              const compat = isOf32Bit(record, id, isEnter);
              if (!compat) call(record, id, names[id], false);
              else if (both) call(record, id, compatNames[id], true);
            },
            options(filter, registers),
          ),
      );
    },
  };
}

/** The kernel is given what it can say of a condition, if that is only which numbers it may be about. */
function divide(where: Expression, types: FieldTypes): KernelFilter {
  const fields = Object.fromEntries([...notInRaw].map((name) => [name, null]));
  const divided = toKernelFilter(where, types, { fields });
  const weak = weakened(where, notInRaw);
  if (weak === true) return divided;
  const { filter, rest } = toKernelFilter(weak, types, { fields });
  if (rest === undefined) return { filter, rest: divided.rest };
  return divided.filter === undefined ? { filter, rest: where } : divided;
}

/** @param argCount arguments that the record has; −1: it has a result */
function handler({ processCache }: FamilyContext, sink: EventSink, argCount: number) {
  const ownPid = process.pid;
  return (record: SampleRecord, id: number, name: string | undefined, compat: boolean) => {
    if (record.pid === ownPid || !sink.wants(record.cgroup)) return;
    const value: SyscallPayload =
      argCount < 0
        ? { type: SyscallEventType.EXIT, id, ret: record.rawSigned64(ARGS), name, compat }
        : {
            type: SyscallEventType.ENTER,
            id,
            arg0: argCount > 0 ? record.rawUnsigned64(ARGS) : undefined,
            arg1: argCount > 1 ? record.rawUnsigned64(ARGS + 8) : undefined,
            arg2: argCount > 2 ? record.rawUnsigned64(ARGS + 16) : undefined,
            arg3: argCount > 3 ? record.rawUnsigned64(ARGS + 24) : undefined,
            arg4: argCount > 4 ? record.rawUnsigned64(ARGS + 32) : undefined,
            arg5: argCount > 5 ? record.rawUnsigned64(ARGS + 40) : undefined,
            name,
            compat,
          };
    sink.emit(record, processCache.lookupTask(record.tid), { case: "syscall", value });
  };
}

const execve = syscallNumber("execve", "x64");

/**
 * Whether a call went through the table of 32-bit calls. A 64-bit program on x86 can do so too (`int $0x80`): the
 * `syscall` instruction leaves the address it returns to in RCX, that one does not. A call that has executed a program ends
 * with the registers of that one, all 0, and as its execve, whichever call of whichever table it was
 * (`set_personality_64bit` in arch/x86/kernel/process_64.c).
 */
function isOf32Bit(record: SampleRecord, id: number, isEnter: boolean): boolean {
  const abi = record.userRegistersAbi;
  if (abi === 1 || abi === 0 || process.arch !== "x64") return abi === 1;
  const { BX, CX, IP } = UserRegister.x64;
  const cx = record.userRegister(CX);
  if (!isEnter && id === execve && cx === 0n && record.userRegister(BX) === 0n) return record.rawSigned64(ARGS) !== 0;
  return cx !== record.userRegister(IP);
}

function typesOf(kind: EventKind): FieldTypes {
  return fieldTypes(kind === "syscall.enter" ? enterFields : exitFields);
}

function impossible(kind: EventKind): SensorError {
  return new SensorError("invalid", `newSubscription(${kind}): no system call can pass the condition – change it`);
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
