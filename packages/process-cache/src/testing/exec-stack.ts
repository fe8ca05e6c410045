import { RegistersAbi } from "../exec-args.js";

/** Where {@link buildExecStack} lets a 64-bit stack begin; a 32-bit one begins at its low half. */
export const STACK_POINTER = 0x7ffd_1234_5670n;

export interface ExecStackParts {
  argv: readonly (string | Uint8Array)[];
  env?: readonly string[];
  abi: number;
  /** Bytes between the auxiliary vector and the strings. */
  gap?: number;
  /** uid, euid, gid, egid, secure */
  ids?: readonly [number, number, number, number, number];
  pointer?: bigint;
}

/** Lays out a stack as execve(2) leaves it. `start` and `end` are the addresses that the arguments lie between. */
export function buildExecStack(parts: ExecStackParts) {
  const { argv, env = ["PATH=/bin", "X="], abi, gap = 100, ids = [1000, 0, 100, 50, 1] } = parts;
  const size = abi === RegistersAbi.BITS_32 ? 4 : 8;
  const pointer = parts.pointer ?? (size === 4 ? STACK_POINTER & 0xffff_ffffn : STACK_POINTER);
  const aux = [6, 4096, 11, ids[0], 12, ids[1], 13, ids[2], 14, ids[3], 23, ids[4], 0, 0];
  const wordCount = 1 + argv.length + 1 + env.length + 1 + aux.length;
  const argvBytes = argv.map((text) => Buffer.concat([Buffer.from(text), Buffer.of(0)]));
  const envBytes = env.map((text) => Buffer.from(`${text}\0`));
  const strings = Buffer.concat([...argvBytes, ...envBytes, Buffer.from("/bin/program\0")]);
  const stringsAt = wordCount * size + gap;
  const stack = new Uint8Array(stringsAt + strings.length);
  stack.set(strings, stringsAt);
  const view = new DataView(stack.buffer);
  let word = 0;
  const put = (value: bigint) => {
    if (size === 4) view.setUint32(word * 4, Number(value), true);
    else view.setBigUint64(word * 8, value, true);
    word++;
  };
  let address = pointer + BigInt(stringsAt);
  const start = address;
  const putAll = (all: readonly Uint8Array[]) => {
    for (const bytes of all) {
      put(address);
      address += BigInt(bytes.length);
    }
    put(0n);
  };
  put(BigInt(argv.length));
  putAll(argvBytes);
  const end = address;
  putAll(envBytes);
  for (const value of aux) put(BigInt(value));
  return { stack, pointer, start, end };
}
