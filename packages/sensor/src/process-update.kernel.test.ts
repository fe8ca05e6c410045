import { like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { explainFilter } from "./capabilities.js";
import { ProcessEventType, type ProcessPayload } from "./payload.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });

/** Goes from folder to folder, and stays long enough to be looked at where the kernel does not tell. */
const walker = `
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
  chdir("/usr"); usleep(300000);
  chdir("/ks-missing");
  fchdir(open(argv[1], O_RDONLY | O_DIRECTORY)); usleep(300000);
  chdir(".."); usleep(300000);
  return 0;
}`;

kernel("a new working directory, absolute, however it was named; with conditions", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("walker", walker);
  const all = await bed.gather({ filters: [{ kind: "process.update" }] });
  const some = await bed.gather({ filters: [{ kind: "process.update", where: like("cwd", "/us*") }] });
  assert.is(bed.sensor.metrics().sources, 1);
  assert.equal(
    all.stream.statuses.map(({ code }) => code),
    [9],
  );
  assert.match(all.stream.statuses[0]!.message, /^process\.update: directories are read from \/proc after the change/);
  // What is said to tell of it is what was registered.
  const { kernel: parts } = await explainFilter({ kind: "process.update" });
  const registered = (await bed.sensor.monitor.loss()).events.map(({ name }) => name);
  for (const { event } of parts) {
    assert.ok(
      registered.some((name) => name.includes(event.replace("kretprobe:", ""))),
      `${event}: ${registered}`,
    );
  }
  const { pid } = await bed.runBeside(program, bed.folder);
  await bed.sensor.stop();
  await Promise.all([all.done, some.done]);
  const cwds = (events: typeof all.events) =>
    (valuesOf(events, pid, "process") as ProcessPayload[]).map(({ type, updateCwd }) => {
      assert.is(type, ProcessEventType.UPDATE);
      return updateCwd;
    });
  assert.equal(cwds(all.events), ["/usr", bed.folder, bed.folder.replace(/\/[^/]+$/, "")]);
  assert.equal(cwds(some.events), ["/usr"]);
});

test.run();
