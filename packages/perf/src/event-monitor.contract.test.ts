import { test } from "uvu";
import { monitorContract } from "./monitor-contract.test.suite.js";
import { FakeKernel } from "./testing/index.js";

let kernel = new FakeKernel();

monitorContract(test, {
  open(options) {
    kernel = new FakeKernel();
    return kernel.openMonitor(options);
  },
  rename(name) {
    const { pid } = process;
    if (!kernel.source.closed) kernel.emit("task/task_rename", { pid, newcomm: name }, { pid });
  },
});

test.run();
