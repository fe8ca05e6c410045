import { hostReport } from "@kernscope/sensor";
import colors from "picocolors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { reportText } from "./doctor.js";

const plain = colors.createColors(false);

test("every feature, runtime and kind has its line, whatever this host can do", async () => {
  const report = await hostReport();
  const text = reportText(report, plain);
  assert.match(text, report.obstacle === undefined ? /^ {2}A sensor runs +yes\n/ : /^ {2}A sensor runs +no: ./);
  assert.ok(text.includes(` ${report.kernel} (${process.arch})`));
  for (const name of ["perfEvents", "tracefs", "kprobes", "btf", "cgroupSamples"]) {
    assert.match(text, new RegExp(`\\n  ${name} +(?:yes|no) `));
  }
  for (const { kind, state } of report.capabilities.kinds) {
    assert.match(text, new RegExp(`\\n  ${kind.replace(".", "\\.")} +${state}`));
  }
  for (const { field, best } of report.values) {
    assert.match(text, new RegExp(`\\n  ${field} +${best ? "complete" : "partial"}`));
  }
  for (const { name, condition } of report.runtimes) assert.match(text, new RegExp(`\\n  ${name} +${condition}`));
});

test("what is missing stands there with what would mend it, and nothing obeys", async () => {
  const evil = "\u001b[2J";
  const report = await hostReport();
  const kind = {
    kind: "file.open",
    state: "none",
    sources: [],
    lacks: [`no kprobes${evil}`],
    remedies: ["CONFIG_KPROBES"],
  };
  const text = reportText(
    {
      ...report,
      obstacle: `may not${evil}`,
      probesSilent: true,
      runtimes: [{ name: "docker", found: true, condition: "failed", reason: evil }],
      capabilities: { ...report.capabilities, kinds: [kind as never] },
    },
    plain,
  );
  assert.match(text, /A sensor runs +no: may not\\x1b\[2J\n/);
  assert.match(text, /kernel probes were disarmed on this host, and do not fire – set /);
  assert.match(text, /docker +failed: \\x1b\[2J\n/);
  assert.match(text, /file\.open +none\n +lacks no kprobes\\x1b\[2J\n +mend {2}CONFIG_KPROBES$/);
  assert.not.match(text.replaceAll("\n", ""), /\p{Cc}/u);
});

test.run();
