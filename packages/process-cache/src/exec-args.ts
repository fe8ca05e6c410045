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
export function parseExecStack(
  stack: Uint8Array,
  stackPointer: bigint,
  abi: number,
  views: StackViews = new StackViews(),
): ExecStack {
  if (abi !== RegistersAbi.BITS_32 && abi !== RegistersAbi.BITS_64) return NOTHING;
  const words = new Words(stack, abi === RegistersAbi.BITS_32 ? 4 : 8, views);
  if (words.count === 0) return NOTHING;
  const argc = words.high(0) === 0 ? words.low(0) : undefined;
  if (argc === undefined || argc > MAX_ARGUMENTS) return NOTHING;

  const low = Number(stackPointer & 0xffff_ffffn);
  const high = Number(stackPointer >> 32n);
  const argv: string[] = [];
  const environment = argc + 2;
  const isListWhole = words.count > argc + 1 && words.isNull(argc + 1);
  let free = 0;
  let complete = isListWhole;
  for (let index = 1; index <= argc; index++) {
    const offset = index < words.count ? (words.high(index) - high) * 2 ** 32 + (words.low(index) - low) : -1;
    // The kernel lays the strings out in order; what runs backwards is not its work and could claim one byte many times.
    if (offset < free || offset < (index + 1) * words.size || offset >= words.length) {
      complete = false;
      break;
    }
    const end = words.textEnd(offset);
    argv.push(words.text(offset, end < 0 ? words.length : end));
    if (end < 0) {
      complete = false;
      break;
    }
    free = end + 1;
  }
  const ids = findIds(words, environment);
  if (argc === 0) return { argv, argc, complete, start: undefined, end: undefined, ids };
  const start = words.count > 1 ? words.address(1) : undefined;
  const hasEnvironment = isListWhole && words.count > environment && !words.isNull(environment);
  const end = complete ? stackPointer + BigInt(free) : hasEnvironment ? words.address(environment) : undefined;
  // A copy has no room for more: it is kept as long as its process.
  return { argv: argv.slice(), argc, complete, start, end, ids };
}

/** MAX_ARG_STRINGS of the kernel is 2^31 − 1, but RLIMIT_STACK's bound of 6 MiB allows no more pointers than this. */
const MAX_ARGUMENTS = (6 << 20) / 4;

/** Types of getauxval(3) (include/uapi/linux/auxvec.h). */
const AuxType = { NULL: 0, UID: 11, EUID: 12, GID: 13, EGID: 14, SECURE: 23 } as const;

/**
 * Views of the memory that dumps lie in. Those of one monitor lie in one memory: to make views of each would cost more
 * than to read it.
 */
export class StackViews {
  #bytes: Buffer | undefined;
  #halves: Uint32Array | undefined;

  bytes({ buffer }: Uint8Array): Buffer {
    if (this.#bytes?.buffer !== buffer) this.#bytes = Buffer.from(buffer);
    return this.#bytes;
  }

  halves({ buffer }: Uint8Array): Uint32Array {
    if (this.#halves?.buffer !== buffer) this.#halves = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
    return this.#halves;
  }
}

/** The dump as an array of the process's words, each in two halves so that none needs a BigInt. */
class Words {
  readonly size: 4 | 8;
  readonly count: number;
  /** Bytes of the dump. */
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #halves: Uint32Array;
  readonly #first: number;

  constructor(stack: Uint8Array, size: 4 | 8, views: StackViews) {
    this.size = size;
    this.length = stack.length;
    this.count = Math.floor(stack.length / size);
    this.#bytes = views.bytes(stack);
    this.#start = stack.byteOffset;
    const isAligned = (stack.byteOffset & 3) === 0;
    this.#halves = isAligned
      ? views.halves(stack)
      : new Uint32Array(new Uint8Array(stack).buffer, 0, stack.length >> 2);
    this.#first = isAligned ? stack.byteOffset >> 2 : 0;
  }

  /** Where the text at an offset ends, −1: not within the dump. */
  textEnd(offset: number): number {
    const end = this.#bytes.indexOf(0, this.#start + offset) - this.#start;
    return end >= offset && end < this.length ? end : -1;
  }

  text(from: number, to: number): string {
    return this.#bytes.toString("utf8", this.#start + from, this.#start + to);
  }

  low(index: number): number {
    return this.#halves[this.#first + (this.size === 4 ? index : index * 2)]!;
  }

  high(index: number): number {
    return this.size === 4 ? 0 : this.#halves[this.#first + index * 2 + 1]!;
  }

  isNull(index: number): boolean {
    return this.low(index) === 0 && this.high(index) === 0;
  }

  address(index: number): bigint {
    return (BigInt(this.high(index)) << 32n) | BigInt(this.low(index));
  }
}

/** Walks over the environment's pointers, which begin at word `index`, to the auxiliary vector behind them. */
function findIds(words: Words, index: number): ExecIds | undefined {
  let at = index;
  while (at < words.count && !words.isNull(at)) at++;
  let [uid, euid, gid, egid, secure] = [-1, -1, -1, -1, false];
  for (at++; at + 1 < words.count; at += 2) {
    const type = words.low(at);
    if (type === AuxType.NULL) break;
    if (type === AuxType.UID) uid = words.low(at + 1);
    else if (type === AuxType.EUID) euid = words.low(at + 1);
    else if (type === AuxType.GID) gid = words.low(at + 1);
    else if (type === AuxType.EGID) egid = words.low(at + 1);
    else if (type === AuxType.SECURE) secure = words.low(at + 1) !== 0;
  }
  return uid < 0 || euid < 0 || gid < 0 || egid < 0 ? undefined : { uid, euid, gid, egid, secure };
}
