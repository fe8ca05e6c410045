import { type EventAttr, RECORD_HEADER_SIZE, ReadFormat, SampleFormat } from "@kernscope/perf-native";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeDataSource } from "./data-source.js";
import { RawMemory } from "./raw-memory.js";
import { decodeReadValues, readValuesSize } from "./read-values.js";
import { createSampleLayout } from "./sample-layout.js";
import { SampleRecord } from "./sample-record.js";
import { RecordBuilder, type SampleFields } from "./testing/record-builder.js";

type Attr = Omit<EventAttr, "type" | "config">;

/** TID, TIME and CPU, which every head has; the test's fields go between them. */
const TID = 0x0000_000b_0000_000an;
const TIME = 77n;
const CPU = 1n;
const raw = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);

function words(values: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

function recordAt(attr: Attr, bytes: Uint8Array, rawSize = raw.length): SampleRecord {
  const memory = new RawMemory(new ArrayBuffer(8 + bytes.length));
  memory.u8.set(bytes, 8);
  memory.move(8 + RECORD_HEADER_SIZE, rawSize);
  const layout = createSampleLayout({ type: 1, config: 0, ...attr }, true);
  return new SampleRecord(memory, 0n, () => layout);
}

/** A record whose head and tail are these words. */
function recordOf(attr: Attr, head: readonly bigint[], tail: readonly bigint[] = []): SampleRecord {
  return recordAt(attr, new RecordBuilder().record({ event: 0 }, raw, words(head), words(tail)));
}

test("fields of fixed place, alone and all together", () => {
  const { IP, ADDR, STREAM_ID, PERIOD, ID } = SampleFormat;
  const alone = (sampleType: number, head: bigint[]) => recordOf({ sampleType }, head);
  assert.is(alone(IP, [5n, TID, TIME, CPU]).ip, 5n);
  assert.is(alone(ADDR, [TID, TIME, 6n, CPU]).addr, 6n);
  assert.is(alone(STREAM_ID, [TID, TIME, 7n, CPU]).streamId, 7n);
  assert.is(alone(PERIOD, [TID, TIME, CPU, 2n ** 63n]).period, 2n ** 63n);
  const all = alone(IP | ADDR | ID | STREAM_ID | PERIOD, [5n, TID, TIME, 6n, 99n, 7n, CPU, 8n]);
  assert.equal([all.ip, all.addr, all.streamId, all.period], [5n, 6n, 7n, 8n]);
  assert.equal(Uint8Array.from(all.raw), raw);
  const none = alone(0, []);
  assert.equal([none.ip, none.addr, none.streamId, none.period, none.values, none.callchain], Array(6).fill(undefined));
});

test("counter values in every read format", () => {
  const { TOTAL_TIME_ENABLED, TOTAL_TIME_RUNNING, ID, LOST, GROUP } = ReadFormat;
  // The source always adds the times, the id and, where the kernel has it, the loss.
  const sampleType = SampleFormat.READ;
  const single = recordOf({ sampleType }, [TID, TIME, CPU, 10n, 20n, 30n, 40n, 50n]);
  assert.equal(single.values, { timeEnabled: 20n, timeRunning: 30n, counters: [{ value: 10n, id: 40n, lost: 50n }] });
  const group = recordOf({ sampleType, readFormat: GROUP }, [TID, TIME, CPU, 2n, 20n, 30n, 1n, 2n, 3n, 4n, 5n, 6n]);
  assert.equal(group.values, {
    timeEnabled: 20n,
    timeRunning: 30n,
    counters: [
      { value: 1n, id: 2n, lost: 3n },
      { value: 4n, id: 5n, lost: 6n },
    ],
  });
  const bits = [TOTAL_TIME_ENABLED, TOTAL_TIME_RUNNING, ID, LOST, GROUP];
  for (let choice = 0; choice < 32; choice++) {
    const readFormat = bits.reduce((format, bit, index) => (choice & (1 << index) ? format | bit : format), 0);
    const has = (bit: number) => (readFormat & bit ? 1 : 0);
    const counters = Array.from({ length: has(GROUP) ? 3 : 1 }, (_, index) => ({
      value: BigInt(100 + index),
      id: has(ID) ? BigInt(200 + index) : undefined,
      lost: has(LOST) ? BigInt(300 + index) : undefined,
    }));
    const timeEnabled = has(TOTAL_TIME_ENABLED) ? 1000n : undefined;
    const timeRunning = has(TOTAL_TIME_RUNNING) ? 2000n : undefined;
    const present = (...values: (bigint | undefined)[]) => values.filter((value) => value !== undefined);
    const flat = counters.flatMap(({ value, id, lost }) => present(value, id, lost));
    const times = present(timeEnabled, timeRunning);
    const read = has(GROUP) ? [3n, ...times, ...flat] : [flat[0] ?? 0n, ...times, ...flat.slice(1)];
    const memory = new RawMemory(words([...read, 9n]).buffer as ArrayBuffer);
    assert.equal(decodeReadValues(memory, readFormat, 0, 8 * read.length), { timeEnabled, timeRunning, counters });
    assert.is(readValuesSize(memory, readFormat, 0, 8 * read.length + 8), 8 * read.length);
    assert.is(readValuesSize(memory, readFormat, 0, 8 * read.length - 8), -1);
  }
});

test("a call chain, with and without counter values before it", () => {
  const { CALLCHAIN, READ } = SampleFormat;
  const chain = [3n, 0xffff_ffff_ffff_ff80n, 1n, 2n];
  const alone = recordOf({ sampleType: CALLCHAIN }, [TID, TIME, CPU, ...chain]);
  assert.equal(alone.callchain, BigUint64Array.from(chain.slice(1)));
  const after = recordOf({ sampleType: CALLCHAIN | READ }, [TID, TIME, CPU, 1n, 2n, 3n, 4n, 5n, ...chain]);
  assert.equal(after.callchain, BigUint64Array.from(chain.slice(1)));
  assert.equal(recordOf({ sampleType: CALLCHAIN }, [TID, TIME, CPU, 0n]).callchain, new BigUint64Array());
});

test("branch stacks: flags, hardware index, counters", () => {
  const sampleType = SampleFormat.BRANCH_STACK;
  const head = [TID, TIME, CPU];
  const flags = 0b1010n | (0x1234n << 4n) | (0x5n << 20n);
  const plain = recordOf({ sampleType }, head, [2n, 1n, 2n, flags, 3n, 4n, 5n]);
  assert.equal(plain.branchStack, {
    hardwareIndex: undefined,
    entries: [
      {
        from: 1n,
        to: 2n,
        flags,
        mispredicted: false,
        predicted: true,
        inTransaction: false,
        abort: true,
        cycles: 0x1234,
        type: 5,
        counters: undefined,
      },
      {
        from: 3n,
        to: 4n,
        flags: 5n,
        mispredicted: true,
        predicted: false,
        inTransaction: true,
        abort: false,
        cycles: 0,
        type: 0,
        counters: undefined,
      },
    ],
  });
  const indexed = recordOf({ sampleType, branchSampleType: 1n << 17n }, head, [1n, 6n, 1n, 2n, 0n]).branchStack;
  assert.is(indexed?.hardwareIndex, 6n);
  assert.is(indexed?.entries[0]?.from, 1n);
  const unknown = recordOf({ sampleType, branchSampleType: 1n << 17n }, head, [0n, 2n ** 64n - 1n]).branchStack;
  assert.equal(unknown, { hardwareIndex: undefined, entries: [] });
  const counted = recordOf({ sampleType, branchSampleType: 1n << 19n }, head, [2n, 1n, 2n, 0n, 3n, 4n, 0n, 7n, 8n]);
  assert.equal(
    counted.branchStack?.entries.map(({ counters }) => counters),
    [7n, 8n],
  );
});

test("registers: by number, none for kernel threads", () => {
  const { REGS_USER, REGS_INTR } = SampleFormat;
  const attr = { sampleType: REGS_USER | REGS_INTR, sampleRegsUser: 0b1010_0001n, sampleRegsIntr: 1n << 63n };
  const both = recordOf(attr, [TID, TIME, CPU], [2n, 10n, 15n, 17n, 1n, 2n ** 64n - 1n]);
  assert.is(both.userRegistersAbi, 2);
  assert.equal(
    [0, 1, 5, 7, 63, 64, -1].map((register) => both.userRegister(register)),
    [10n, undefined, 15n, 17n, undefined, undefined, undefined],
  );
  assert.is(both.interruptRegistersAbi, 1);
  assert.is(both.interruptRegister(63), 2n ** 64n - 1n);
  const none = recordOf(attr, [TID, TIME, CPU], [0n, 1n, 5n]);
  assert.is(none.userRegistersAbi, 0);
  assert.is(none.userRegister(0), undefined);
  assert.is(none.interruptRegister(63), 5n);
});

test("the user stack and what follows it", () => {
  const { STACK_USER, WEIGHT } = SampleFormat;
  const attr = { sampleType: STACK_USER | WEIGHT, sampleStackUser: 64 };
  const head = [TID, TIME, CPU];
  const full = recordOf(attr, head, [11n, 0x0807_0605_0403_0201n, 0x0b_0a09n, 33n]);
  assert.equal(Uint8Array.from(full.userStack ?? []), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  assert.is(full.weight, 33n);
  const empty = recordOf(attr, head, [0n, 33n]);
  assert.is(empty.userStack?.length, 0);
  assert.is(empty.weight, 33n);
});

test("the words behind the registers, alone and all together", () => {
  const { WEIGHT, WEIGHT_STRUCT, DATA_SRC, TRANSACTION, PHYS_ADDR, CGROUP, DATA_PAGE_SIZE, CODE_PAGE_SIZE, AUX } =
    SampleFormat;
  const head = [TID, TIME, CPU];
  const all = recordOf(
    { sampleType: WEIGHT | DATA_SRC | TRANSACTION | PHYS_ADDR | CGROUP | DATA_PAGE_SIZE | CODE_PAGE_SIZE | AUX },
    head,
    [1n, 2n, 3n, 4n, 5n, 4096n, 2_097_152n, 8n, 0x0807_0605_0403_0201n],
  );
  assert.equal(
    [all.weight, all.dataSource, all.transaction, all.physicalAddress, all.dataPageSize, all.codePageSize],
    [1n, 2n, 3n, 4n, 4096n, 2_097_152n],
  );
  assert.equal(Uint8Array.from(all.aux ?? []), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const parts = recordOf({ sampleType: WEIGHT_STRUCT }, head, [0x0003_0002_ffff_fffen]);
  assert.equal(parts.weightParts, { var1: 0xffff_fffe, var2: 2, var3: 3 });
  assert.is(recordOf({ sampleType: DATA_SRC }, head, [9n]).dataSource, 9n);
  assert.is(recordOf({ sampleType: CODE_PAGE_SIZE }, head, [9n]).codePageSize, 9n);
  assert.equal([all.branchStack, all.userStack, all.userRegister(0)], [undefined, undefined, undefined]);
});

test("the data source's bit-fields", () => {
  const widths = [5, 14, 5, 2, 7, 4, 1, 2, 3, 3];
  const values = [0b10, 1 << 13, 0b1_0000, 0b10, 0b100_0000, 0b1000, 1, 0b10, 0b100, 0b101];
  let word = 0n;
  let shift = 0n;
  for (const [index, width] of widths.entries()) {
    word |= BigInt(values[index] ?? 0) << shift;
    shift += BigInt(width);
  }
  assert.equal(Object.values(decodeDataSource(word)), values);
});

test("what does not end within the record is not there", () => {
  const { READ, CALLCHAIN, IP, BRANCH_STACK, REGS_USER, STACK_USER, AUX } = SampleFormat;
  const huge = 2n ** 63n;
  assert.is(recordOf({ sampleType: IP }, []).ip, undefined);
  assert.is(recordOf({ sampleType: READ }, [TID, TIME, CPU, 1n]).values, undefined);
  assert.is(
    recordOf({ sampleType: READ, readFormat: ReadFormat.GROUP }, [TID, TIME, CPU, huge, 1n, 1n]).values,
    undefined,
  );
  assert.is(recordOf({ sampleType: CALLCHAIN }, [TID, TIME, CPU, 1n]).callchain, undefined);
  assert.is(recordOf({ sampleType: CALLCHAIN }, [TID, TIME, CPU, huge, 1n]).callchain, undefined);
  assert.is(recordOf({ sampleType: CALLCHAIN | READ }, [TID, TIME, CPU, 1n]).callchain, undefined);
  const head = [TID, TIME, CPU];
  assert.is(recordOf({ sampleType: BRANCH_STACK }, head, [huge, 1n, 2n, 3n]).branchStack, undefined);
  assert.is(recordOf({ sampleType: BRANCH_STACK }, head, [2n, 1n, 2n, 3n]).branchStack, undefined);
  assert.is(recordOf({ sampleType: REGS_USER, sampleRegsUser: 3 }, head, [2n, 1n]).userRegister(0), undefined);
  assert.is(recordOf({ sampleType: STACK_USER }, head, [9n, 1n]).userStack, undefined);
  const after = recordOf({ sampleType: STACK_USER | AUX }, head, [huge, 1n, 8n, 5n]);
  assert.equal([after.userStack, after.aux], [undefined, undefined]);
});

test("the record builder lays out what the record reads", () => {
  const attr = {
    sampleType: Object.values(SampleFormat).reduce((type, bit) => type | bit, 0) & ~SampleFormat.WEIGHT_STRUCT,
    readFormat: ReadFormat.GROUP,
    branchSampleType: (1n << 17n) | (1n << 19n),
    sampleRegsUser: 0b1001,
    sampleRegsIntr: 0b10,
  };
  const fields = {
    ip: 1n,
    addr: 2n,
    streamId: 3n,
    period: 4n,
    values: { timeEnabled: 5n, timeRunning: 6n, counters: [{ value: 7n, id: 8n, lost: 9n }] },
    callchain: [10n, 11n],
    branchStack: { hardwareIndex: 12n, entries: [{ from: 13n, to: 14n, flags: 15n, counters: 16n }] },
    userRegisters: { 0: 17n, 3: 18n },
    userStack: Uint8Array.of(19),
    weight: 20n,
    dataSource: 21n,
    transaction: 22n,
    interruptRegisters: { 1: 23n },
    physicalAddress: 24n,
    dataPageSize: 25n,
    codePageSize: 26n,
    aux: Uint8Array.of(27, 28),
  } satisfies SampleFields;
  const layout = createSampleLayout({ type: 1, config: 0, ...attr }, true);
  const header = { event: 3, time: 29n, cpu: 30, pid: 31, tid: 32, cgroup: 33, id: 34n };
  const record = recordAt(attr, new RecordBuilder().sample(layout, header, raw, fields));
  assert.equal([record.ip, record.addr, record.streamId, record.period], [1n, 2n, 3n, 4n]);
  assert.equal(record.values, fields.values);
  assert.equal(record.callchain, BigUint64Array.of(10n, 11n));
  assert.is(record.branchStack?.hardwareIndex, 12n);
  assert.is(record.branchStack?.entries[0]?.counters, 16n);
  assert.equal([record.userRegister(0), record.userRegister(3), record.interruptRegister(1)], [17n, 18n, 23n]);
  assert.equal(Uint8Array.from(record.userStack ?? []), fields.userStack);
  assert.equal([record.weight, record.dataSource, record.transaction], [20n, 21n, 22n]);
  assert.equal([record.physicalAddress, record.dataPageSize, record.codePageSize], [24n, 25n, 26n]);
  assert.equal(Uint8Array.from(record.aux ?? []), fields.aux);
  assert.equal(record.sampleId(), { pid: 31, tid: 32, cpu: 30, cgroup: 33, elapsed: 29 });
  assert.equal([record.event, record.id, record.time], [3, 34n, 29n]);
});

test.run();
