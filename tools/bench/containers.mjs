// Measures what a lookup of a container by cgroup id costs, among as many cgroups as a large host has, against a bare Map.
//
//   node tools/bench/containers.mjs [--containers N] [--cgroups N] [--rounds N]
import { parseArgs } from "node:util";
import { ContainerCache, ContainerRuntime, ContainerState } from "../../packages/container-cache/dist/index.js";
import { nowhere } from "../../packages/container-cache/dist/testing/fake-host.js";
import { FakeKernel, format } from "../../packages/perf/dist/testing/index.js";

const { values } = parseArgs({
  options: {
    containers: { type: "string", default: "500" },
    cgroups: { type: "string", default: "5000" },
    rounds: { type: "string", default: "9" },
  },
});
const [containers, cgroups, rounds] = [values.containers, values.cgroups, values.rounds].map(Number);
if (!(containers >= 1) || !(cgroups >= containers) || !(rounds >= 1)) {
  console.error("containers: --containers, --cgroups and --rounds take numbers from 1 up, and no fewer cgroups");
  process.exit(2);
}
const LOOKUPS = 1_000_000;

const fields = [
  "int root;	offset:8;	size:4;	signed:1;",
  "int level;	offset:12;	size:4;	signed:1;",
  "u64 id;	offset:16;	size:8;	signed:0;",
  "__data_loc char[] path;	offset:24;	size:4;	signed:0;",
];
const kernel = new FakeKernel({
  formats: {
    "cgroup/cgroup_mkdir": format("cgroup_mkdir", 544, fields),
    "cgroup/cgroup_rmdir": format("cgroup_rmdir", 545, fields),
  },
});
const monitor = await kernel.openMonitor();
const cache = await ContainerCache.open(monitor, { procRoot: "/nonexistent", runtimes: nowhere });
const running = monitor.run();
const sample = { pid: 1, tid: 1, cpu: 0, cgroup: 0, elapsed: 0 };
const ids = [];
for (let index = 0; index < cgroups; index++) {
  const id = index.toString(16).padStart(64, "0");
  const isContainer = index < containers;
  if (isContainer) {
    const info = cache.lookupContainer(id, { create: true });
    info.update(ContainerRuntime.Docker, sample, { state: ContainerState.Created });
  }
  const path = isContainer ? `/docker/${id}` : `/system.slice/unit-${index}.service`;
  kernel.emit("cgroup/cgroup_mkdir", { root: 0, level: 1, id: BigInt(1000 + index), path });
  ids.push(1000 + index);
  if (index % 100 === 0) kernel.deliver();
}
kernel.deliver();

const bare = new Map(ids.map((id) => [id, {}]));
// As records come: now this cgroup, now that one.
const order = Uint32Array.from(
  { length: 4096 },
  (_, index) => ids[(Math.imul(index, 2_654_435_761) >>> 0) % ids.length],
);
const ofContainers = order.map((_, index) => ids[(Math.imul(index, 2_654_435_761) >>> 0) % containers]);
const contenders = {
  "bare Map": () => measure((id) => bare.get(id), order),
  "containerOfCgroup, cgroups of containers": () => measure((id) => cache.containerOfCgroup(id), ofContainers),
  "containerOfCgroup, any cgroup": () => measure((id) => cache.containerOfCgroup(id), order),
};
console.log(
  `${containers} containers, ${cgroups} cgroups, ${rounds} rounds, Node ${process.version}; ns a lookup, median`,
);
for (const [name, run] of Object.entries(contenders)) {
  run();
  const times = Array.from({ length: rounds }, run).sort((a, b) => a - b);
  console.log(`${name.padEnd(44)} ${times[rounds >> 1].toFixed(1)}`);
}
await monitor.stop();
await running;
await cache.close();
await monitor.close();

function measure(lookup, keys) {
  let found = 0;
  const started = process.hrtime.bigint();
  for (let index = 0; index < LOOKUPS; index++) if (lookup(keys[index & 4095]) !== undefined) found++;
  const nanos = Number(process.hrtime.bigint() - started) / LOOKUPS;
  if (found === 0) throw new Error("nothing was found");
  return nanos;
}
