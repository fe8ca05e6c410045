import { test } from "uvu";
import * as assert from "uvu/assert";
import { findNote } from "./probe-error.js";
import { parseProbeProfile } from "./probe-profile.js";

test("profiles of both kinds", () => {
  const kernel = "  p1_2                         3               4\n  p1_3    18446744073709551615               0\n\n";
  assert.equal(
    [...parseProbeProfile("kprobe_profile", kernel)],
    [
      ["p1_2", { reached: 3n, missed: 4n }],
      ["p1_3", { reached: 18446744073709551615n, missed: 0n }],
    ],
  );
  const user = "  /bin/a b p1_4                                         12\n";
  assert.equal([...parseProbeProfile("uprobe_profile", user)], [["p1_4", { reached: 12n, missed: undefined }]]);
});

test("the note about a command is found among others'", () => {
  const log = `[    5.714275] trace_kprobe: error: Unknown type is specified
  Command: p:kernscope/a vfs_read c=$comm x=b4@2/32:x
                                                    ^
[    6.330901] trace_kprobe: error: Invalid probed address or symbol
  Command: p:kernscope/b nosuchthing
                         ^
`;
  assert.is(findNote(log, "kernscope/a"), "Unknown type is specified");
  assert.is(findNote(log, "kernscope/b"), "Invalid probed address or symbol");
  assert.is(findNote(log, "kernscope/c"), undefined);
  assert.is(findNote("", "kernscope/c"), undefined);
});

test.run();
