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
    sensor: "cwd is null",
    lacks: ["relative names"],
  } as const;
  assert.is(
    explanationText(explanation, plain),
    `file.open
  kernel  kprobe:do_filp_open: name ~ "/etc/*"
  kernel  syscalls/sys_exit_openat: all of them
  sensor  cwd is null
  lacks   relative names`,
  );
  assert.is(
    explanationText({ kind: "ticker", kernel: [], sensor: undefined, lacks: [] }, plain),
    `ticker
  kernel  nothing: the events are the sensor's own
  sensor  nothing to evaluate`,
  );
});

test("names of a hostile kernel are harmless", () => {
  const evil = "\u001b[2J";
  const text = explanationText(
    { kind: "ticker", kernel: [{ event: evil, filter: evil }], sensor: evil, lacks: [evil] },
    plain,
  );
  assert.not.match(text.replaceAll("\n", ""), /\p{Cc}/u);
});

test.run();
