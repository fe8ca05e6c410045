import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { TelemetryEvent } from "./event.js";
import { eventKinds } from "./event-kinds.js";
import { type FilePayload, FileNameSource as Source, FileEventType as Type } from "./payload.js";
import type { PlainKind } from "./subscription-request.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const probes = requires({ root: true, perf: true, kprobes: true });
const kinds = eventKinds.filter((kind) => kind.startsWith("file.")) as PlainKind[];

/** Opens one file for writing, by twelve names; stays until that was seen: what /proc says of it is gone with it. */
const aliases = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char name[4096];
  if (chdir(argv[1])) return 1;
  mkdir("real", 0755);
  close(open("real/file", O_CREAT | O_WRONLY, 0600));
  symlink("real", "folder"); symlink("real/file", "link");
  link("real/file", "real/other");
  int dir = open("real", O_PATH);
  const char *names[] = {"real/file", "./real/file", "real/../real/file", "folder/file", "link", "real//file"};
  for (int i = 0; i < 6; i++) close(open(names[i], O_WRONLY));
  snprintf(name, sizeof name, "%s/real/file", argv[1]); close(open(name, O_WRONLY));
  snprintf(name, sizeof name, "/proc/self/root%s/real/file", argv[1]); close(open(name, O_WRONLY));
  snprintf(name, sizeof name, "/proc/self/cwd/real/file"); close(open(name, O_WRONLY));
  close(openat(dir, "file", O_WRONLY));
  snprintf(name, sizeof name, "/proc/self/fd/%d/file", dir); close(open(name, O_WRONLY));
  chdir("real"); close(open("file", O_WRONLY));
  snprintf(name, sizeof name, "%s/aliases-seen", argv[1]);
  while (access(name, F_OK)) usleep(10000);
  return 0;
}`;

/** Works on a file system that lies on another one, in a mount namespace of its own. */
const overlay = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  char at[4096], options[4096];
  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return 1;
  snprintf(at, sizeof at, "%s/stack", argv[1]);
  /* The layers' file system must not be one that overlayfs lies on already. */
  if (mkdir(at, 0755) || mount("tmpfs", at, "tmpfs", 0, NULL) || chdir(at)) return 2;
  mkdir("lower", 0755); mkdir("upper", 0755); mkdir("work", 0755); mkdir("top", 0755);
  if (mount("overlay", "top", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") || chdir("top")) return 3;
  usleep(500000);
  mkdir("dir", 0755);
  chmod("dir", 0700);
  rename("dir", "renamed");
  rmdir("renamed");
  int fd = open("file", O_CREAT | O_RDWR, 0600);
  if (write(fd, "content", 7) != 7) return 4;
  if (ftruncate(fd, 3)) return 5;
  close(fd);
  unlink("file");
  snprintf(at, sizeof at, "%s/overlay-seen", argv[1]);
  while (access(at, F_OK)) usleep(10000);
  return 0;
}`;

/**
 * Writes files where mounts make it doubtful which path leads to them. Before that it writes one and waits: what it sees
 * is known then.
 */
const mounts = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
static char name[8192];
static const char *folder;
static const char *at(const char *path) { snprintf(name, sizeof name, "%s/%s", folder, path); return name; }
static void make(const char *path) { mkdir(at(path), 0755); }
static void touch(const char *path) { close(open(at(path), O_CREAT | O_WRONLY, 0600)); }
static void await(const char *path) { while (access(at(path), F_OK)) usleep(10000); }
static void tmpfs(const char *path) { make(path); if (mount("tmpfs", at(path), "tmpfs", 0, NULL)) _exit(3); }
static void bind(const char *from, const char *to) {
  char source[4096];
  make(to);
  snprintf(source, sizeof source, "%s/%s", folder, from);
  if (mount(source, at(to), NULL, MS_BIND, NULL)) _exit(4);
}
int main(int argc, char **argv) {
  folder = argv[1];
  if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) return 1;
  tmpfs("fs"); make("fs/home"); bind("fs", "alias"); tmpfs("fs/home"); bind("fs/home", "home");
  make("a"); make("a/b"); make("a/b/c"); make("a/b/c/d"); make("a/b/c/d/e"); make("a/b/c/d/e/f"); make("a/b/c/d/e/f/g");
  make("a/b/c/d/e/f/g/h"); make("a/b/c/d/e/f/g/h/i");
  touch("warm"); await("go");
  touch("alias/home/under"); touch("fs/home/over"); touch("home/over"); touch("fs/plain"); touch("alias/plain");
  touch("a/b/c/d/e/f/g/h/i/deep"); touch("\\xff"); touch("\\xfe");
  if (fork() == 0) {
    /* Another file by the name of one of the others, in a namespace of its own. */
    if (unshare(CLONE_NEWNS)) _exit(1);
    tmpfs("alias");
    touch("alias/plain");
    touch("fs/plain");
    await("mounts-seen");
    _exit(0);
  }
  if (fork() == 0) {
    /* Nobody can ask it what it sees: it is gone at once. */
    if (unshare(CLONE_NEWNS) || umount(at("alias")) || umount(at("fs/home")) || umount(at("fs"))) _exit(1);
    tmpfs("fs");
    bind("fs", "elsewhere");
    touch("elsewhere/plain");
    _exit(0);
  }
  int status, failed = 0;
  for (int i = 0; i < 2; i++) { if (i == 1) tmpfs("fs"), touch("alias/late"); wait(&status); failed |= status; }
  await("mounts-seen");
  unlink(at("\\xff")); unlink(at("\\xfe"));
  return failed != 0;
}`;

/** All at once: to open a sensor takes an emulated kernel long. */
async function see() {
  await using bed = await EventBed.open();
  const { folder } = bed;
  const programs = [bed.compile("aliases", aliases), bed.compile("overlay", overlay), bed.compile("mounts", mounts)];
  const opens = await bed.gather({
    filters: ["*file", "*link"].map((pattern) => ({ kind: "file.open" as const, where: like("filename", pattern) })),
  });
  const chosen = await bed.gather({
    filters: [
      { kind: "file.open-for-modify", where: like("filename", `${folder}/a/*`) },
      { kind: "file.open", where: like("filename", `${folder}/?`) },
    ],
  });
  const others = await bed.gather({ filters: kinds.filter((kind) => kind !== "file.open").map((kind) => ({ kind })) });
  const seen = (pid: number) => valuesOf(others.events, pid, "file") as FilePayload[];
  const run = async (program: string, isSeen: (pid: number) => boolean) => {
    const child = spawn(program, [folder], { stdio: "inherit" });
    const closed = once(child, "close");
    while (!isSeen(child.pid!) && child.exitCode === null) await setTimeout(20);
    writeFileSync(join(folder, `${basename(program)}-seen`), "");
    assert.equal(await closed, [0, null]);
    return { pid: child.pid! };
  };
  const alias = await run(
    programs[0]!,
    (pid) => seen(pid).filter(({ type }) => type === Type.CLOSE_FOR_MODIFY).length === 13,
  );
  const stack = await run(programs[1]!, (pid) =>
    seen(pid).some(({ type, filename }) => type === Type.DELETE && /file$/.test(filename!)),
  );
  const told = (name: string) => (value: FilePayload) =>
    value.type === Type.CLOSE_FOR_MODIFY && value.filename?.endsWith(name);
  const mounted = await run(programs[2]!, (pid) => {
    if (seen(pid).some(told("/warm"))) writeFileSync(join(folder, "go"), "");
    const all = others.events.map(({ event }) => event.value as FilePayload);
    return all.filter(told("plain")).length >= 5 && all.some(told("late"));
  });
  await bed.sensor.stop();
  await Promise.all([opens.done, others.done, chosen.done]);
  const of = ({ events }: { events: readonly TelemetryEvent[] }, pid: number) =>
    valuesOf(events, pid, "file") as FilePayload[];
  const byPid = new Map<number, FilePayload[]>();
  for (const { processTgid, event } of others.events) {
    const value = event.value as FilePayload;
    if (event.case !== "file" || value.type !== Type.OPEN_FOR_MODIFY) continue;
    if (!/(?:plain|over|under|deep|late|[^ -~])$/.test(value.filename!)) continue;
    byPid.set(processTgid!, [...(byPid.get(processTgid!) ?? []), value]);
  }
  const { [mounted.pid]: own = [], ...children } = Object.fromEntries(byPid);
  return {
    folder,
    names: of(opens, alias.pid),
    aliased: of(others, alias.pid),
    stacked: of(others, stack.pid),
    mounted: {
      own,
      children: Object.values(children),
      chosen: of(chosen, mounted.pid),
      statuses: chosen.stream.statuses,
    },
  };
}

let both: ReturnType<typeof see> | undefined;

probes("aliases: twelve of one file have one identity where the name is resolved, and never a wrong one", async () => {
  both ??= see();
  const { folder, aliased, names: opened } = await both;
  // The kernel's own path of what was opened.
  const identities = aliased.filter(({ type }) => type === Type.OPEN_FOR_MODIFY);
  assert.equal(
    identities.map(({ filename, resolved, nameSource }) => [filename, resolved, nameSource]),
    Array(13).fill([`${folder}/real/file`, true, Source.DIRECTORY_ENTRY]),
  );
  // What the program called it by: an alias, which says that it is one.
  const names = opened.filter(({ openFlags }) => (openFlags! & 0o103) === 1);
  assert.equal(
    names.map(({ filename, resolved, nameSource }) => [filename, resolved, nameSource]),
    [
      [`${folder}/real/file`, false, Source.WORKING_DIRECTORY],
      [`${folder}/real/file`, false, Source.WORKING_DIRECTORY],
      [`${folder}/real/../real/file`, false, Source.WORKING_DIRECTORY],
      [`${folder}/folder/file`, false, Source.WORKING_DIRECTORY],
      [`${folder}/link`, false, Source.WORKING_DIRECTORY],
      [`${folder}/real//file`, false, Source.WORKING_DIRECTORY],
      [`${folder}/real/file`, false, Source.GIVEN],
      [`/proc/self/root${folder}/real/file`, false, Source.GIVEN],
      ["/proc/self/cwd/real/file", false, Source.GIVEN],
      [`${folder}/real/file`, false, Source.DESCRIPTOR],
      [names[10]!.filename, false, Source.GIVEN],
      [`${folder}/real/file`, false, Source.WORKING_DIRECTORY],
    ],
  );
  assert.match(names[10]!.filename!, /^\/proc\/self\/fd\/\d+\/file$/);
});

probes("what overlayfs does on the file system below is told once", async () => {
  both ??= see();
  const { folder, stacked } = await both;
  const top = `${folder}/stack/top`;
  const told = stacked.map(({ type, filename, oldname, targetFile }) => [type, filename ?? oldname ?? targetFile]);
  const of = (name: string) => told.filter(([, each]) => `${each}`.endsWith(name));
  assert.equal(of("/dir"), [
    [Type.CREATE, `${top}/dir`],
    [Type.ATTRIBUTE_CHANGE, `${top}/dir`],
    [Type.RENAME, `${top}/dir`],
  ]);
  assert.equal(of("/renamed"), [[Type.DELETE, `${top}/renamed`]]);
  const file = of("/file").filter(([type]) => type !== Type.CREATE);
  assert.equal(file, [
    [Type.OPEN_FOR_MODIFY, `${top}/file`],
    [Type.MODIFY, `${top}/file`],
    [Type.MODIFY, `${top}/file`],
    [Type.CLOSE_FOR_MODIFY, `${top}/file`],
    [Type.DELETE, `${top}/file`],
  ]);
  // The one kind that is told of each layer, as capabilities() says.
  assert.equal(
    of("/file")
      .filter(([type]) => type === Type.CREATE)
      .map(([, name]) => name),
    [`${top}/file`, `${folder}/stack/upper/file`],
  );
});

probes(
  "files behind mounts that cover others, in namespaces of their own, deep, and of names that are no UTF-8",
  async () => {
    both ??= see();
    const { folder, mounted } = await both;
    const told = ({ filename, resolved }: FilePayload) => [filename, resolved];
    assert.equal(mounted.own.slice(0, 5).map(told), [
      [`${folder}/alias/home/under`, true],
      [`${folder}/fs/home/over`, true],
      [`${folder}/fs/home/over`, true],
      [`${folder}/fs/plain`, true],
      [`${folder}/fs/plain`, true],
    ]);
    const [deep, ...others] = mounted.own.slice(5);
    assert.is(deep!.resolved, false);
    assert.ok(deep!.partial && `${folder}/a/b/c/d/e/f/g/h/i/deep`.endsWith(`/${deep!.filename}`), deep!.filename);
    assert.equal(others.slice(0, 2).map(told), [
      [`${folder}/\udcff`, false],
      [`${folder}/\udcfe`, false],
    ]);
    // Something was mounted over its first place just before.
    assert.equal(
      others.slice(2).map(({ filename }) => filename),
      [`${folder}/alias/late`],
    );
    // A child's names are its own, or not resolved.
    assert.equal(mounted.children.map(({ length }) => length).sort(), [1, 2]);
    for (const values of mounted.children) {
      const own = values.length === 2 ? [`${folder}/alias/plain`, `${folder}/fs/plain`] : [`${folder}/fs/plain`];
      for (const [at, { filename, resolved }] of values.entries())
        assert.ok(!resolved || filename === own[at], filename);
    }
    // Nothing that may be meant is missed.
    assert.equal(
      mounted.chosen.map(({ type, filename }) => [type, filename]),
      [
        [Type.OPEN_FOR_MODIFY, deep!.filename],
        [Type.OPEN, `${folder}/\udcff`],
        [Type.OPEN, `${folder}/\udcfe`],
      ],
    );
    assert.equal(
      mounted.statuses.map(({ code, message }) => [
        code,
        /^file\.open-for-modify: .*conditions on names/.test(message),
      ]),
      [[9, true]],
    );
  },
);

test.run();
