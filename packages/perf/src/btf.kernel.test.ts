import { openSync } from "node:fs";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Btf } from "./btf.js";
import { fetchMember } from "./btf-fetch.js";
import { EventMonitor } from "./event-monitor.js";

const onKernel = requires({ btf: true });
const withProbes = requires({ perf: true, kprobes: true, btf: true });

onKernel("this kernel's", async () => {
  const btf = await Btf.open();
  assert.ok(btf.count > 10_000);
  const comm = btf.member("task_struct", "comm");
  assert.equal([btf.typeName(comm.type), comm.size], ["char[16]", 16]);
  assert.equal(btf.member("cred", "uid.val").size, 4);
  assert.is(btf.member("list_head", "prev").offset, 8);
  assert.equal(
    btf.function("do_filp_open").parameters.map(({ type }) => btf.typeName(type)),
    ["int", "struct filename *", "const struct open_flags *"],
  );
  assert.is(btf.enumeration("pid_type").get("PIDTYPE_TGID"), 1);
  assert.match(
    fetchMember(btf, "$arg1", "file", "f_path.dentry->d_name.name"),
    /^\+0\(\+\d+\(\+\d+\(\$arg1\)\)\):string$/,
  );
  const missing = await Btf.open("/sys/kernel/btf/ks_none").catch((error) => error);
  assert.is(missing.code, "unsupported");
});

withProbes("what is fetched at this kernel's offsets is what is there", async () => {
  const btf = await Btf.open();
  await using monitor = await EventMonitor.open();
  const names: string[] = [];
  const found: unknown[] = [];
  const filter = `common_pid == ${process.pid}`;
  await monitor.registerKprobe<{ name: string }>("do_filp_open", (_, { name }) => names.push(name), {
    args: { name: fetchMember(btf, "$arg2", "filename", "name") },
    filter,
  });
  const file = (path: string) => fetchMember(btf, "$arg1", "file", path);
  await monitor.registerKprobe<{ leaf: string; parent: string; uid: number }>(
    "security_file_open",
    (_, { leaf, parent, uid }) => found.push([parent, leaf, uid]),
    {
      args: {
        leaf: file("f_path.dentry->d_name.name"),
        parent: file("f_path.dentry->d_parent->d_name.name"),
        uid: file("f_cred->uid.val"),
      },
      filter,
    },
  );
  openSync("/proc/self/status", "r");
  assert.throws(() => openSync("/ks-none", "r"));
  await monitor.disable();
  const run = monitor.run();
  await monitor.stop();
  await run;
  assert.equal(names, ["/proc/self/status", "/ks-none"]);
  assert.equal(found, [[String(process.pid), "status", process.geteuid?.()]]);
});

test.run();
