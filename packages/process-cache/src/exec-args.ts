/** What the stack of a program that was just set up by execve(2) says (fs/binfmt_elf.c, create_elf_tables). */
export interface ExecStack {
  /** The arguments that lie in the dump; where not `complete` they are the first ones, the last maybe cut. */
  readonly argv: readonly string[];
  /** How many arguments there are; `undefined` where the dump does not even hold that. */
  readonly argc: number | undefined;
  /** All `argc` arguments are there in full. */
  readonly complete: boolean;
  /** Address of the first argument's first byte: the arguments lie one behind the other from there. */
  readonly start: bigint | undefined;
  /** Address after the last argument's NUL, where the dump tells it. */
  readonly end: bigint | undefined;
  /** The ids from the auxiliary vector, in the user namespace of the process; `undefined` where not reached. */
  readonly ids: ExecIds | undefined;
}

/** AT_UID, AT_EUID, AT_GID, AT_EGID and AT_SECURE of getauxval(3). */
export interface ExecIds {
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly egid: number;
  /** The program gained privileges: set-user-id, set-group-id or file capabilities. */
  readonly secure: boolean;
}

/** `abi` of perf's user registers: PERF_SAMPLE_REGS_ABI_32 and _64 (include/uapi/linux/perf_event.h). */
export const RegistersAbi = { NONE: 0, BITS_32: 1, BITS_64: 2 } as const;

const NOTHING: ExecStack = {
  argv: [],
  argc: undefined,
  complete: false,
  start: undefined,
  end: undefined,
  ids: undefined,
};

/**
 * Reads the arguments out of a dump of the user stack taken at `sched/sched_process_exec`, when the stack pointer points
 * at what the kernel has put there: argc, the argument pointers, NULL, the environment's pointers, NULL, the auxiliary
 * vector, and, after a gap, the strings, those of the arguments first.
 *
 * `stack` holds the valid bytes only, `stackPointer` is the address of the first, `abi` one of {@link RegistersAbi}.
 * No byte is trusted: pointers that lie outside of the dump, run backwards or have no end give an incomplete result.
 */
export function parseExecStack(stack: Uint8Array, stackPointer: bigint, abi: number): ExecStack {
  const words = wordsOf(stack, abi);
  if (words === undefined || words.count === 0) return NOTHING;
  const argc = words.high(0) === 0 ? words.low(0) : undefined;
  if (argc === undefined || argc > MAX_ARGUMENTS) return NOTHING;

  const base = { low: Number(stackPointer & 0xffff_ffffn), high: Number((stackPointer >> 32n) & 0xffff_ffffn) };
  const offsetOf = (index: number) => (words.high(index) - base.high) * 2 ** 32 + (words.low(index) - base.low);
  const addressOf = (index: number) => (BigInt(words.high(index)) << 32n) | BigInt(words.low(index));
  const isNull = (index: number) => words.high(index) === 0 && words.low(index) === 0;

  const argv: string[] = [];
  const text = Buffer.from(stack.buffer, stack.byteOffset, stack.byteLength);
  let free = 0;
  let complete = words.count > argc + 1 && isNull(argc + 1);
  for (let index = 1; index <= argc; index++) {
    const offset = index < words.count ? offsetOf(index) : -1;
    // The kernel lays the strings out in order; what runs backwards is not its work and could claim one byte many times.
    if (offset < free || offset < (index + 1) * words.size || offset >= stack.length) {
      complete = false;
      break;
    }
    const end = stack.indexOf(0, offset);
    argv.push(text.toString("utf8", offset, end < 0 ? undefined : end));
    if (end < 0) {
      complete = false;
      break;
    }
    free = end + 1;
  }

  const start = argc > 0 && words.count > 1 ? addressOf(1) : undefined;
  const environment = argc + 2;
  const hasEnvironment = words.count > environment && isNull(argc + 1) && !isNull(environment);
  const end = complete ? stackPointer + BigInt(free) : hasEnvironment ? addressOf(environment) : undefined;
  return { argv, argc, complete, start, end: argc > 0 ? end : undefined, ids: findIds(words, environment) };
}

/** MAX_ARG_STRINGS of the kernel is 2^31 − 1, but RLIMIT_STACK's bound of 6 MiB allows no more pointers than this. */
const MAX_ARGUMENTS = (6 << 20) / 4;

/** Types of getauxval(3) (include/uapi/linux/auxvec.h). */
const AuxType = { NULL: 0, UID: 11, EUID: 12, GID: 13, EGID: 14, SECURE: 23 } as const;

/** The dump as an array of the process's words, each in two halves so that none needs a BigInt. */
interface Words {
  readonly size: 4 | 8;
  readonly count: number;
  low(index: number): number;
  high(index: number): number;
}

function wordsOf(stack: Uint8Array, abi: number): Words | undefined {
  const view = new DataView(stack.buffer, stack.byteOffset, stack.byteLength);
  if (abi === RegistersAbi.BITS_32) {
    const low = (index: number) => view.getUint32(index * 4, true);
    return { size: 4, count: stack.length >>> 2, low, high: () => 0 };
  }
  if (abi !== RegistersAbi.BITS_64) return undefined;
  return {
    size: 8,
    count: stack.length >>> 3,
    low: (index) => view.getUint32(index * 8, true),
    high: (index) => view.getUint32(index * 8 + 4, true),
  };
}

/** Walks over the environment's pointers, which begin at word `index`, to the auxiliary vector behind them. */
function findIds(words: Words, index: number): ExecIds | undefined {
  let at = index;
  while (at < words.count && (words.low(at) !== 0 || words.high(at) !== 0)) at++;
  const found = new Map<number, number>();
  for (at++; at + 1 < words.count; at += 2) {
    const type = words.low(at);
    if (type === AuxType.NULL) break;
    found.set(type, words.low(at + 1));
  }
  const [uid, euid, gid, egid] = [AuxType.UID, AuxType.EUID, AuxType.GID, AuxType.EGID].map((type) => found.get(type));
  if (uid === undefined || euid === undefined || gid === undefined || egid === undefined) return undefined;
  return { uid, euid, gid, egid, secure: (found.get(AuxType.SECURE) ?? 0) !== 0 };
}
