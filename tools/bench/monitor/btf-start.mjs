// How long it takes to open the kernel's types and find a first member, ms, as one line of JSON.
import { Btf } from "../../../packages/perf/dist/index.js";

const started = performance.now();
const btf = await Btf.open();
const { offset } = btf.member("cred", "uid.val");
const millis = performance.now() - started;
console.log(JSON.stringify({ millis, offset, types: btf.count }));
