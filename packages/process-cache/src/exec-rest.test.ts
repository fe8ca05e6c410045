import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseExecStack, RegistersAbi } from "./exec-args.js";
import { execArguments, type MemoryReader } from "./exec-rest.js";
import { Procfs } from "./procfs.js";
import { buildExecStack } from "./testing/exec-stack.js";

const procfs = new Procfs();
const limit = 1 << 20;
const children = new Set<ChildProcess>();
const noMemory: MemoryReader = () => {
  throw new Error("not permitted");
};

/** A shell that waits, and the dump that an exec of it would have given, cut to `bytes`. */
async function waiting(args: readonly string[], bytes: number) {
  const argv = ["sh", "-c", "read line", ...args];
  const child = spawn("/bin/sh", argv.slice(1), { argv0: "sh", stdio: ["pipe", "ignore", "ignore"] });
  await once(child, "spawn");
  const pointer = BigInt(procfs.stat(child.pid!)!.startStack);
  const { stack, start, end } = buildExecStack({ argv, abi: RegistersAbi.BITS_64, pointer });
  const memory: MemoryReader = (_pid, address, target) => {
    const from = Number(address - pointer);
    const part = stack.subarray(from, from + target.length);
    target.set(part);
    return part.length;
  };
  const dump = parseExecStack(stack.subarray(0, bytes), pointer, RegistersAbi.BITS_64);
  children.add(child);
  const finish = async () => {
    children.delete(child);
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  return { argv, pid: child.pid!, pointer, dump, memory, start, end, finish };
}

test.after.each(() => {
  for (const child of children) child.kill("SIGKILL");
});

test("what the dump holds is taken as it is, and nothing is read", () => {
  const { stack, pointer } = buildExecStack({ argv: ["a", "b"], abi: RegistersAbi.BITS_64 });
  const readMemory: MemoryReader = () => {
    throw new Error("read although all is there");
  };
  const dump = parseExecStack(stack, pointer, RegistersAbi.BITS_64);
  const result = execArguments(dump, 1, pointer, { procfs, readMemory, limit });
  assert.equal(result, { argv: ["a", "b"], truncated: false, origin: { source: "tracepoint", complete: true } });
});

test("the rest comes from memory, and where that cannot be read from /proc", async () => {
  const { argv, pid, pointer, dump, memory, finish } = await waiting(["x y", "", "é".repeat(30_000)], 400);
  assert.not(dump.complete);
  const first = execArguments(dump, pid, pointer, { procfs, readMemory: memory, limit });
  assert.equal(first, { argv, truncated: false, origin: { source: "memory", complete: true } });
  const second = execArguments(dump, pid, pointer, { procfs, readMemory: noMemory, limit });
  assert.equal(second, { argv, truncated: false, origin: { source: "procfs", complete: true } });
  const short = execArguments(dump, pid, pointer, { procfs, readMemory: () => 3, limit });
  assert.equal(short.argv, argv);
  await finish();
});

test("where the dump ends before the environment, /proc tells where the arguments end", async () => {
  const { argv, pid, pointer, dump, start, finish } = await waiting(["tail"], 24);
  assert.is(dump.end, undefined);
  let asked = 0;
  const readMemory: MemoryReader = (_pid, address, target) => {
    assert.is(address, start);
    asked = target.length;
    target.set(Buffer.from(`${argv.join("\0")}\0`).subarray(0, target.length));
    return target.length;
  };
  execArguments(dump, pid, pointer, { procfs, readMemory, limit });
  assert.ok(asked > 0);
  await finish();
});

test("more than the limit is cut and told", async () => {
  const { argv, pid, pointer, dump, memory, finish } = await waiting(["x".repeat(50_000), "last"], 400);
  for (const readMemory of [memory, noMemory]) {
    const result = execArguments(dump, pid, pointer, { procfs, readMemory, limit: 1000 });
    assert.is(result.truncated, true);
    assert.is(result.origin.complete, false);
    assert.is(result.argv.length, 4);
    assert.ok(result.argv[3]!.length < 1000 && argv[3]!.startsWith(result.argv[3]!));
  }
  await finish();
});

test("another program, another process or none at all: what the dump holds, said to be truncated", async () => {
  const { pid, pointer, dump, memory, finish } = await waiting(["x".repeat(5_000)], 400);
  const options = { procfs, readMemory: memory, limit };
  const other = execArguments(dump, process.pid, pointer, options);
  assert.equal([other.truncated, other.origin.complete], [true, false]);
  assert.is(execArguments(dump, pid, pointer + 16n, options).truncated, true);
  await finish();
  assert.equal(execArguments(dump, pid, pointer, options).argv, dump.argv);
  assert.is(execArguments(dump, pid, pointer, options).truncated, true);
});

test("a program that wrote over its arguments is not believed", async () => {
  const { argv, pid, pointer, dump, finish } = await waiting(["x".repeat(20_000), "secret"], 8_000);
  assert.equal(dump.argv.slice(0, 3), argv.slice(0, 3));
  const changed = [...argv.slice(0, 3), `y${argv[3]?.slice(1)}`, "secret"];
  for (const written of [["sh", "-c", "harmless", ...argv.slice(3)], argv.slice(0, 4), changed]) {
    const readMemory: MemoryReader = (_pid, _address, target) => {
      target.fill(0);
      Buffer.from(`${written.join("\0")}\0`).copy(target);
      return target.length;
    };
    const result = execArguments(dump, pid, pointer, { procfs, readMemory, limit });
    assert.equal([result.argv, result.truncated], [dump.argv, true]);
  }
  await finish();
});

test.run();
