import { spawnSync } from "node:child_process";
import { EventMonitor } from "@kernscope/perf";
import { type CompiledProgram, compileProgram } from "@kernscope/test-support";
import { fieldsOf } from "./testing/vectors.js";
import { utf8 } from "./utf8.js";

/** One call of the probed function. */
export interface Subject {
  readonly number: bigint;
  readonly text: string;
}

/** Arguments by register: user probes have no `$argN` before 6.11. */
const register = process.arch === "x64" ? "%di" : "%x0";
const args = {
  subject: `+0(${register}):u32`,
  u8: `+4(${register}):u8`,
  s8: `+4(${register}):s8`,
  u16: `+6(${register}):u16`,
  s16: `+6(${register}):s16`,
  u32: `+8(${register}):u32`,
  s32: `+8(${register}):s32`,
  u64: `+16(${register}):u64`,
  s64: `+16(${register}):s64`,
  text: `+24(${register}):ustring`,
};

/**
 * A program that calls a function once for each subject, with a user probe on it: a trace event of the kernel with a
 * field of every type.
 */
export class KernelBed implements Disposable {
  readonly #program: CompiledProgram;

  constructor(subjects: readonly Subject[]) {
    const rows = subjects.map(({ number, text }, index) => {
      const { u8, u16, u32, u64 } = fieldsOf(number);
      return `  { ${index}, ${u8}, ${u16}, ${u32}u, ${u64}ull, "${octal(text)}" },`;
    });
    const source = `
struct subject { unsigned index; unsigned char u8; unsigned short u16; unsigned u32; unsigned long u64; char text[64]; };
static struct subject subjects[] = {
${rows.join("\n")}
};
__attribute__((noinline)) void probed(volatile struct subject *subject) { __asm__ volatile("" :: "r"(subject) : "memory"); }
int main(void) {
  for (int i = 0; i < sizeof subjects / sizeof *subjects; i++) {
    volatile char *text = subjects[i].text; /* The probe reads without page faults: touch it first. */
    for (int at = 0; at < sizeof subjects[i].text; at++) text[at] = text[at];
    probed(&subjects[i]);
  }
}`;
    this.#program = compileProgram("kernscope-vectors", source);
  }

  /** Runs the program under a probe for each filter; returns the indices of the subjects that passed each. */
  async passed(filters: readonly (string | undefined)[]): Promise<Set<number>[]> {
    const passed = filters.map(() => new Set<number>());
    await using monitor = await EventMonitor.open();
    const target = { path: this.#program.path, symbol: "probed" };
    const registered = filters.map((filter, index) =>
      monitor.registerUprobe<{ subject: number }>(
        target,
        (_, { subject }) => {
          if (passed[index]?.has(subject)) throw new Error(`${filter}: subject ${subject} came twice`);
          passed[index]?.add(subject);
        },
        { args, ...(filter !== undefined && { filter }) },
      ),
    );
    await Promise.all(registered);

    const { status } = spawnSync(this.#program.path);
    if (status !== 0) throw new Error(`the probed program ended with ${status}`);
    await monitor.disable();
    const run = monitor.run();
    await monitor.stop();
    await run;
    return passed;
  }

  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
  }
}

/** A text's bytes in octal escapes of C. */
function octal(text: string): string {
  return [...utf8(text)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
