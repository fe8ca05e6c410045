/**
 * Formats of well-known tracepoints as tracefs prints them, for use without a kernel. Where kernels differ, the form
 * of 6.18 goes by the event's name and an older one by the name with `@` and a kernel that prints it.
 */
export const traceFormats: Readonly<Record<string, string>> = {
  "sched/sched_process_fork": format("sched_process_fork", 366, [
    "__data_loc char[] parent_comm;	offset:8;	size:4;	signed:0;",
    "pid_t parent_pid;	offset:12;	size:4;	signed:1;",
    "__data_loc char[] child_comm;	offset:16;	size:4;	signed:0;",
    "pid_t child_pid;	offset:20;	size:4;	signed:1;",
  ]),
  "sched/sched_process_fork@6.12": format("sched_process_fork", 316, [
    "char parent_comm[16];	offset:8;	size:16;	signed:0;",
    "pid_t parent_pid;	offset:24;	size:4;	signed:1;",
    "char child_comm[16];	offset:28;	size:16;	signed:0;",
    "pid_t child_pid;	offset:44;	size:4;	signed:1;",
  ]),
  "sched/sched_process_exec": format("sched_process_exec", 365, [
    "__data_loc char[] filename;	offset:8;	size:4;	signed:0;",
    "pid_t pid;	offset:12;	size:4;	signed:1;",
    "pid_t old_pid;	offset:16;	size:4;	signed:1;",
  ]),
  "sched/sched_process_exit": format("sched_process_exit", 369, [
    "char comm[16];	offset:8;	size:16;	signed:0;",
    "pid_t pid;	offset:24;	size:4;	signed:1;",
    "int prio;	offset:28;	size:4;	signed:1;",
    "bool group_dead;	offset:32;	size:1;	signed:0;",
  ]),
  "sched/sched_process_exit@6.12": format("sched_process_exit", 319, [
    "char comm[16];	offset:8;	size:16;	signed:0;",
    "pid_t pid;	offset:24;	size:4;	signed:1;",
    "int prio;	offset:28;	size:4;	signed:1;",
  ]),
  "task/task_newtask": format("task_newtask", 205, [
    "pid_t pid;	offset:8;	size:4;	signed:1;",
    "char comm[16];	offset:12;	size:16;	signed:0;",
    "u64 clone_flags;	offset:32;	size:8;	signed:0;",
    "short oom_score_adj;	offset:40;	size:2;	signed:1;",
  ]),
  "task/task_rename": format("task_rename", 204, [
    "pid_t pid;	offset:8;	size:4;	signed:1;",
    "char oldcomm[16];	offset:12;	size:16;	signed:0;",
    "char newcomm[16];	offset:28;	size:16;	signed:0;",
    "short oom_score_adj;	offset:44;	size:2;	signed:1;",
  ]),
  "signal/signal_generate": format("signal_generate", 261, [
    "int sig;	offset:8;	size:4;	signed:1;",
    "int errno;	offset:12;	size:4;	signed:1;",
    "int code;	offset:16;	size:4;	signed:1;",
    "char comm[16];	offset:20;	size:16;	signed:0;",
    "pid_t pid;	offset:36;	size:4;	signed:1;",
    "int group;	offset:40;	size:4;	signed:1;",
    "int result;	offset:44;	size:4;	signed:1;",
  ]),
  "signal/signal_deliver": format("signal_deliver", 260, [
    "int sig;	offset:8;	size:4;	signed:1;",
    "int errno;	offset:12;	size:4;	signed:1;",
    "int code;	offset:16;	size:4;	signed:1;",
    "unsigned long sa_handler;	offset:24;	size:8;	signed:0;",
    "unsigned long sa_flags;	offset:32;	size:8;	signed:0;",
  ]),
  "cgroup/cgroup_attach_task": format("cgroup_attach_task", 538, [
    "int dst_root;	offset:8;	size:4;	signed:1;",
    "int dst_level;	offset:12;	size:4;	signed:1;",
    "u64 dst_id;	offset:16;	size:8;	signed:0;",
    "int pid;	offset:24;	size:4;	signed:1;",
    "__data_loc char[] dst_path;	offset:28;	size:4;	signed:0;",
    "__data_loc char[] comm;	offset:32;	size:4;	signed:0;",
  ]),
  "raw_syscalls/sys_enter": format("sys_enter", 443, [
    "long id;	offset:8;	size:8;	signed:1;",
    "unsigned long args[6];	offset:16;	size:48;	signed:0;",
  ]),
};

/** A format's text from the lines of its own fields, each as tracefs prints it after `field:`. */
export function format(name: string, id: number, fields: readonly string[]): string {
  const common = [
    "unsigned short common_type;	offset:0;	size:2;	signed:0;",
    "unsigned char common_flags;	offset:2;	size:1;	signed:0;",
    "unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;",
    "int common_pid;	offset:4;	size:4;	signed:1;",
  ];
  const lines = [...common, "", ...fields].map((line) => (line === "" ? "" : `\tfield:${line}`));
  return `name: ${name}\nID: ${id}\nformat:\n${lines.join("\n")}\n\nprint fmt: ""\n`;
}
