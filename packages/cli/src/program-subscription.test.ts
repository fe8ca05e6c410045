import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { print } from "@kernscope/expression";
import { execEvent, inTemporaryDirectory, until } from "@kernscope/telemetry-service/testing";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fails, start, withService } from "./program.test.support.js";

test(
  "a condition that is not valid is shown with the place underlined",
  inTemporaryDirectory(async () => {
    const { status, stdout, stderr } = await start(["events", "exec where filename = '/bin/x'"]).ended;
    assert.equal({ status, stdout }, { status: 2, stdout: "" });
    assert.is(stderr, "kernscope: \"=\" is not understood – write == for equal\n  filename = '/bin/x'\n           ^\n");
  }),
);

test(
  "conditions, containers and images reach the sensor",
  withService(async ({ sensor, address }) => {
    const condition = 'filename ~ "/usr/*" && !(filename == "/usr/bin/true" || filename ~ "*.sh")';
    const args = [`exec where ${condition}`, "exit where code != 0", "--container", "web", "--image", "nginx:*"];
    const cli = start(["events", ...args, "--image", "sha256:00ff", "--address", address, "--limit", "1"]);
    await until(() => sensor.subscriptions.size === 1, "it has subscribed");
    sensor.emit(execEvent(1, ["/usr/bin/env"]));
    assert.is((await cli.ended).status, 0);
    const [request] = sensor.requests;
    const conditions = request?.filters.map((filter) => "where" in filter && filter.where && print(filter.where));
    assert.equal(conditions, [condition, "code != 0"]);
    assert.equal(request?.containers, {
      ids: ["web"],
      names: ["web"],
      imageIds: ["sha256:00ff"],
      imageNames: ["nginx:*"],
    });
  }),
);

test(
  "--subscription takes all of it from a file",
  withService(async ({ sensor, address }) =>
    inTemporaryDirectory(async (directory) => {
      const file = join(directory, "subscription.json");
      const processEvents = [{ type: "PROCESS_EVENT_TYPE_EXEC" }];
      await writeFile(file, JSON.stringify({ eventFilter: { processEvents }, modifier: { limit: { limit: "1" } } }));
      const cli = start(["events", "--subscription", file, "--address", address]);
      await until(() => sensor.subscriptions.size === 1, "it has subscribed");
      sensor.emit(execEvent(1, ["a"]));
      const { status, stderr } = await cli.ended;
      assert.equal({ status, stderr }, { status: 0, stderr: "" });
      assert.equal(sensor.requests[0]?.filters, [{ kind: "process.exec" }]);
      // What the service takes of curl is taken here, too.
      const subscription = { eventFilter: { processEvents }, modifier: { limit: { limit: "1" } } };
      await writeFile(file, JSON.stringify({ subscription }));
      const another = start(["events", "--subscription", file, "--address", address]);
      await until(() => sensor.subscriptions.size === 1, "it has subscribed again");
      sensor.emit(execEvent(2, ["b"]));
      assert.is((await another.ended).status, 0);
      assert.equal(sensor.requests[1]?.filters, [{ kind: "process.exec" }]);
      await writeFile(file, '{"eventFilter":{"procesEvents":[]}}');
      await fails(["events", "--subscription", file], 2, /is no subscription: .*procesEvents/);
    })(),
  ),
);

test.run();
