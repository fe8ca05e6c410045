import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ATTR_SIZE, type EventAttr, packAttr } from "./attr.js";

/** Lets the C compiler lay out the struct, from the kernel's own header. */
function packInC(assignments: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "kernscope-attr-"));
  try {
    const source = join(folder, "attr.c");
    writeFileSync(
      source,
      `#include <linux/perf_event.h>
       #include <stdio.h>
       int main(void) {
         union { struct perf_event_attr attr; char bytes[${ATTR_SIZE}]; } u = {0};
         u.attr.size = ${ATTR_SIZE};
         ${assignments}
         fwrite(u.bytes, 1, sizeof u.bytes, stdout);
       }`,
    );
    execFileSync(process.env.CC ?? "cc", [source, "-o", join(folder, "attr")]);
    return new Uint8Array(execFileSync(join(folder, "attr")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("every field lies where the C compiler puts it", () => {
  const attr: EventAttr = {
    type: 2,
    config: 0x1122334455667788n,
    sampleFrequency: 99,
    sampleType: 0x1ff_ffff,
    readFormat: 31,
    preciseIp: 2,
    wakeupWatermark: 4096,
    breakpointType: 3,
    config1: 0xffff_ffff_ffff_fff0n,
    config2: 8,
    branchSampleType: 0x12345,
    sampleRegsUser: 0xff0fff,
    sampleStackUser: 16384,
    clockId: 1,
    sampleRegsIntr: 0xabcdef,
    auxWatermark: 77,
    sampleMaxStack: 127,
    auxSampleSize: 12,
    sigData: 5,
    flags: { disabled: true, excludeHypervisor: true, sampleIdAll: true, cgroup: true, buildId: true, sigtrap: true },
  };
  const c = packInC(`
    u.attr.type = 2; u.attr.config = 0x1122334455667788; u.attr.sample_freq = 99; u.attr.sample_type = 0x1ffffff;
    u.attr.read_format = 31; u.attr.precise_ip = 2; u.attr.wakeup_watermark = 4096; u.attr.bp_type = 3;
    u.attr.bp_addr = 0xfffffffffffffff0; u.attr.bp_len = 8; u.attr.branch_sample_type = 0x12345;
    u.attr.sample_regs_user = 0xff0fff; u.attr.sample_stack_user = 16384; u.attr.clockid = 1;
    u.attr.sample_regs_intr = 0xabcdef; u.attr.aux_watermark = 77; u.attr.sample_max_stack = 127;
    u.attr.aux_sample_size = 12; u.attr.sig_data = 5; u.attr.freq = 1; u.attr.watermark = 1; u.attr.use_clockid = 1;
    u.attr.disabled = 1; u.attr.exclude_hv = 1; u.attr.sample_id_all = 1; u.attr.cgroup = 1; u.attr.build_id = 1;
    u.attr.sigtrap = 1;`);
  assert.equal(packAttr(attr), c);
});

for (const [name, field] of Object.entries({
  inherit: "inherit",
  pinned: "pinned",
  exclusive: "exclusive",
  excludeUser: "exclude_user",
  excludeKernel: "exclude_kernel",
  excludeIdle: "exclude_idle",
  mmap: "mmap",
  comm: "comm",
  inheritStat: "inherit_stat",
  enableOnExec: "enable_on_exec",
  task: "task",
  mmapData: "mmap_data",
  excludeHost: "exclude_host",
  excludeGuest: "exclude_guest",
  excludeCallchainKernel: "exclude_callchain_kernel",
  excludeCallchainUser: "exclude_callchain_user",
  mmap2: "mmap2",
  commExec: "comm_exec",
  contextSwitch: "context_switch",
  writeBackward: "write_backward",
  namespaces: "namespaces",
  ksymbol: "ksymbol",
  bpfEvent: "bpf_event",
  auxOutput: "aux_output",
  textPoke: "text_poke",
  inheritThread: "inherit_thread",
  removeOnExec: "remove_on_exec",
})) {
  test(`flag ${field}`, () => {
    const packed = packAttr({ type: 0, config: 0, flags: { [name]: true } });
    assert.equal(packed, packInC(`u.attr.${field} = 1;`));
  });
}

test("period and count of events share their places with frequency and watermark, without their flags", () => {
  const packed = packAttr({ type: 1, config: 3, samplePeriod: 7, wakeupEvents: 1 });
  assert.equal(
    packed,
    packInC("u.attr.type = 1; u.attr.config = 3; u.attr.sample_period = 7; u.attr.wakeup_events = 1;"),
  );
});

test.run();
