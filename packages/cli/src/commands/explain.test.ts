import colors from "picocolors";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { explanationText } from "./explain.js";

const plain = colors.createColors(false);

test("what runs where", () => {
  const explanation = {
    kind: "file.open",
    kernel: [
      { event: "kprobe:do_filp_open", filter: 'name ~ "/etc/*"' },
      { event: "syscalls/sys_exit_openat", filter: "" },
    ],
    sensor: 'flags is null && name ~ "/etc/*"',
    parts: [
      { text: "flags is null", runs: "sensor", reason: "the kernel does not know of absent fields" },
      { text: 'name ~ "/etc/*"', runs: "sensor", reason: "names are completed" },
      { text: "mode == 3", runs: "kernel", reason: undefined },
    ],
    lacks: ["relative names"],
  } as const;
  assert.is(
    explanationText(explanation, plain),
    `file.open
  kernel  kprobe:do_filp_open: name ~ "/etc/*"
  kernel  syscalls/sys_exit_openat: all of them
  sensor  flags is null && name ~ "/etc/*"
  why     flags is null: the kernel does not know of absent fields
  why     name ~ "/etc/*": names are completed
  lacks   relative names`,
  );
  assert.is(
    explanationText({ kind: "ticker", kernel: [], sensor: undefined, parts: [], lacks: [] }, plain),
    `ticker
  kernel  nothing: the events are the sensor's own
  sensor  nothing to evaluate`,
  );
  const only = { text: "cwd is null", runs: "sensor", reason: "it is" } as const;
  assert.is(
    explanationText({ kind: "process.update", kernel: [], sensor: only.text, parts: [only], lacks: [] }, plain),
    `process.update
  kernel  nothing: the events are the sensor's own
  sensor  cwd is null
  why     it is`,
  );
});

test("the fields of a kind's conditions", () => {
  assert.is(
    explanationText({ kind: "file.open", fields: { filename: "string", mode: "int32" } }, plain),
    `file.open
  fields  filename  string
          mode      int32`,
  );
  assert.is(explanationText({ kind: "ticker", fields: {} }, plain), "ticker\n  fields  none: it takes no condition");
});

test("names of a hostile kernel are harmless", () => {
  const evil = "\u001b[2J";
  const text = explanationText(
    {
      kind: "ticker",
      kernel: [{ event: evil, filter: evil }],
      sensor: evil,
      parts: [{ text: `${evil}x`, runs: "sensor", reason: evil }],
      lacks: [evil],
    },
    plain,
  );
  assert.not.match(text.replaceAll("\n", ""), /\p{Cc}/u);
});

test.run();
