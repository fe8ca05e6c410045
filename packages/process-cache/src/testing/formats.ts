import { format } from "@kernscope/perf/testing";

const cgroup = (name: string, id: number) =>
  format(name, id, [
    "int root;	offset:8;	size:4;	signed:1;",
    "int level;	offset:12;	size:4;	signed:1;",
    "u64 id;	offset:16;	size:8;	signed:0;",
    "__data_loc char[] path;	offset:24;	size:4;	signed:0;",
  ]);

/** The tracepoints of cgroups that {@link traceFormats} of the monitor's fakes lack. */
export const cgroupFormats: Readonly<Record<string, string>> = {
  "cgroup/cgroup_mkdir": cgroup("cgroup_mkdir", 2001),
  "cgroup/cgroup_rename": cgroup("cgroup_rename", 2002),
  "cgroup/cgroup_rmdir": cgroup("cgroup_rmdir", 2003),
  "cgroup/cgroup_transfer_tasks": format("cgroup_transfer_tasks", 2004, [
    "int dst_root;	offset:8;	size:4;	signed:1;",
    "int dst_level;	offset:12;	size:4;	signed:1;",
    "u64 dst_id;	offset:16;	size:8;	signed:0;",
    "int pid;	offset:24;	size:4;	signed:1;",
    "__data_loc char[] dst_path;	offset:28;	size:4;	signed:0;",
    "__data_loc char[] comm;	offset:32;	size:4;	signed:0;",
  ]),
};

const exitOf = (call: string, id: number) =>
  format(`sys_exit_${call}`, id, [
    "int __syscall_nr;	offset:8;	size:4;	signed:1;",
    "long ret;	offset:16;	size:8;	signed:1;",
  ]);

const calls = [
  "setuid",
  "setgid",
  "setreuid",
  "setregid",
  "setresuid",
  "setresgid",
  "setfsuid",
  "setfsgid",
  "chdir",
  "fchdir",
];

/** The ends of the system calls that change credentials or the working directory. */
export const callFormats: Readonly<Record<string, string>> = {
  ...Object.fromEntries(calls.map((call, index) => [`syscalls/sys_exit_${call}`, exitOf(call, 2100 + index)])),
  "raw_syscalls/sys_exit": format("sys_exit", 2200, [
    "long id;	offset:8;	size:8;	signed:1;",
    "long ret;	offset:16;	size:8;	signed:1;",
  ]),
};
