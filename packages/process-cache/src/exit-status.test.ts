import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeWaitStatus, exited, exitRegisterMask, signaled, ThreadEnd, threadEnd } from "./exit-status.js";

/** Registers by their number. */
const registers = (abi: number, values: Record<number, bigint>) => ({
  userRegistersAbi: abi,
  userRegister: (register: number) => values[register],
});
const ENOSYS = 0xffff_ffff_ffff_ffdan;

test("x86-64: a call that never returned is exit, its argument the code", () => {
  assert.is(threadEnd(registers(2, { 0: ENOSYS, 1: 5n, 5: 7n }), "x64"), 7);
  assert.is(threadEnd(registers(2, { 0: ENOSYS, 1: 5n, 5: 0x1_02ffn }), "x64"), 255);
  assert.is(threadEnd(registers(2, { 0: 0n, 1: 5n, 5: 7n }), "x64"), ThreadEnd.KILLED);
  assert.is(threadEnd(registers(2, { 0: 0xffff_ffff_ffff_fdfcn, 1: 5n, 5: 7n }), "x64"), ThreadEnd.KILLED);
  assert.is(threadEnd(registers(2, { 0: 0xffff_ffdan, 1: 5n, 5: 7n }), "x64"), ThreadEnd.KILLED);
});

test("x86: a 32-bit process has its code in BX", () => {
  assert.is(threadEnd(registers(1, { 0: 0xffff_ffdan, 1: 5n, 5: 7n }), "x64"), 5);
  assert.is(threadEnd(registers(1, { 0: ENOSYS, 1: 5n, 5: 7n }), "x64"), 5);
});

test("arm64: the number of the call tells", () => {
  assert.is(threadEnd(registers(2, { 0: 3n, 7: 0n, 8: 94n }), "arm64"), 3);
  assert.is(threadEnd(registers(2, { 0: 3n, 7: 0n, 8: 93n }), "arm64"), 3);
  assert.is(threadEnd(registers(2, { 0: 3n, 7: 248n, 8: 63n }), "arm64"), ThreadEnd.KILLED);
  assert.is(threadEnd(registers(1, { 0: 3n, 7: 248n, 8: 63n }), "arm64"), 3);
});

test("without registers nothing is known", () => {
  assert.is(threadEnd(registers(0, {}), "x64"), ThreadEnd.UNKNOWN);
  assert.is(threadEnd(registers(0, {}), "arm64"), ThreadEnd.UNKNOWN);
  assert.is(threadEnd(registers(2, { 0: ENOSYS, 5: 1n }), "riscv64"), ThreadEnd.UNKNOWN);
  assert.is(exitRegisterMask("riscv64"), 0);
  assert.is(exitRegisterMask("x64"), 0b100011);
});

test("raw wait statuses are decoded as wait(2) says", () => {
  assert.equal(decodeWaitStatus(0x700), exited(7));
  assert.equal(decodeWaitStatus(9), signaled(9));
  assert.equal(decodeWaitStatus(0x8b), { status: 0x8b, code: undefined, signal: 11, coreDumped: true, certain: true });
  assert.is(decodeWaitStatus(11).coreDumped, false);
});

test("whether a core was dumped is known where the signal never dumps one", () => {
  assert.is(signaled(15).coreDumped, false);
  assert.is(signaled(11).coreDumped, undefined);
  assert.is(signaled(11).status, 11);
  assert.is(signaled(34).coreDumped, false);
});

test.run();
