import { and, compare, like } from "@kernscope/expression";
import { requires } from "@kernscope/test-support";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities } from "./capabilities.js";
import { eventKinds } from "./event-kinds.js";
import { type FilePayload, FileEventType as Type } from "./payload.js";
import type { PlainKind } from "./subscription-request.js";
import { EventBed, valuesOf } from "./testing/event-bed.js";

const kernel = requires({ root: true, perf: true });
const probes = requires({ root: true, perf: true, kprobes: true });
const kinds = eventKinds.filter((kind) => kind.startsWith("file.")) as PlainKind[];

/** Does one thing after the other in the folder it is given; some of them fail. */
const doings = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  umask(0);
  if (chdir(argv[1])) return 1;
  int fd = open("new file", O_CREAT | O_RDWR | O_EXCL, 0640);
  if (write(fd, "content", 7) != 7) return 2;
  close(fd);
  mkdir("dir", 0750);
  mkdir("dir", 0750);
  mknod("pipe", S_IFIFO | 0600, 0);
  link("new file", "dir/hard");
  symlink("some where", "soft");
  rmdir("dir");
  rename("dir/hard", "renamed");
  chmod("renamed", 0600);
  truncate("renamed", 3);
  unlink("pipe");
  unlink("soft");
  unlink("missing");
  rmdir("dir");
  open("/ks-missing", O_RDONLY | O_DIRECTORY);
  return 0;
}`;

probes("all nine kinds: names, modes and flags, of what succeeded alone", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("doings", doings);
  const { events, done, stream } = await bed.gather({ filters: kinds.map((kind) => ({ kind })) });
  assert.equal(stream.statuses, [{ code: 0, message: "" }]);
  const folder = bed.folder;
  const { pid } = bed.run(program, folder);
  await bed.sensor.stop();
  await done;
  const all = valuesOf(events, pid, "file") as FilePayload[];
  const of = (type: number) => all.filter((value) => value.type === type);
  const names = (type: number) => of(type).map(({ filename }) => filename);
  const at = (name: string) => `${folder}/${name}`;
  const opened = of(Type.OPEN).filter(({ filename }) => filename === at("new file") || filename === "/ks-missing");
  assert.equal(
    opened.map(({ filename, openFlags, openMode }) => [filename, openFlags! & 0o2200303, openMode]),
    [
      [at("new file"), 0o302, 0o640],
      ["/ks-missing", 0o200000, 0],
    ],
  );
  assert.equal(
    of(Type.CREATE).map(({ filename, openMode }) => [filename, openMode]),
    [
      [at("new file"), 0o640],
      [at("dir"), 0o750],
      [at("pipe"), 0o600],
    ],
  );
  assert.equal(names(Type.OPEN_FOR_MODIFY), [at("new file")]);
  assert.equal(names(Type.MODIFY), [at("new file"), at("renamed")]);
  assert.equal(names(Type.CLOSE_FOR_MODIFY), [at("new file")]);
  assert.equal(
    of(Type.LINK).map(({ sourceFile, targetFile, symlink }) => [sourceFile, targetFile, symlink]),
    [
      [at("new file"), at("dir/hard"), false],
      ["some where", at("soft"), true],
    ],
  );
  assert.equal(
    of(Type.RENAME).map(({ oldname, newname }) => [oldname, newname]),
    [[at("dir/hard"), at("renamed")]],
  );
  assert.equal(names(Type.ATTRIBUTE_CHANGE), [at("renamed")]);
  assert.equal(names(Type.DELETE), [at("pipe"), at("soft"), at("dir")]);
});

probes("conditions on names, flags and modes; relative names are resolved before", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile("doings", doings);
  const { folder } = bed;
  const { events, done } = await bed.gather({
    filters: [
      {
        kind: "file.open",
        where: and(like("filename", `${folder}/*`), {
          type: "ne",
          left: {
            type: "bitwiseAnd",
            left: { type: "identifier", name: "flags" },
            right: { type: "value", valueType: "int32", value: 0o100 },
          },
          right: { type: "value", valueType: "int32", value: 0 },
        }),
      },
      { kind: "file.create", where: compare("mode", "int32", "eq", 0o750) },
      { kind: "file.link", where: { type: "identifier", name: "symlink" } },
      { kind: "file.rename", where: like("newname", "*/renamed") },
    ],
  });
  const { pid } = bed.run(program, folder);
  await bed.sensor.stop();
  await done;
  const values = valuesOf(events, pid, "file") as FilePayload[];
  assert.equal(
    values.map(({ type, filename, targetFile, newname }) => [type, filename ?? targetFile ?? newname]),
    [
      [Type.OPEN, `${folder}/new file`],
      [Type.CREATE, `${folder}/dir`],
      [Type.LINK, `${folder}/soft`],
      [Type.RENAME, `${folder}/renamed`],
    ],
  );
});

probes("aliases of one file: the same name for each that can be resolved, and never a wrong one", async () => {
  await using bed = await EventBed.open();
  const program = bed.compile(
    "aliases",
    `
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
  return 0;
}`,
  );
  const { events, done } = await bed.gather({ filters: [{ kind: "file.open-for-modify" }] });
  const { pid } = bed.run(program, bed.folder);
  await bed.sensor.stop();
  await done;
  const names = (valuesOf(events, pid, "file") as FilePayload[]).map(({ filename }) => filename);
  assert.equal(names, Array(13).fill(`${bed.folder}/real/file`));
});

kernel("without kernel probes files are refused with the reason, never silently empty", async () => {
  const { kprobes, kinds: served } = await capabilities();
  for (const kind of kinds) {
    const own = served.find((each) => each.kind === kind)!;
    assert.is(own.state === "none", !kprobes, kind);
    if (!kprobes) assert.match(own.remedies.join(), "CONFIG_KPROBE_EVENTS");
  }
  await using bed = await EventBed.open();
  const opening = bed.sensor.newSubscription({ filters: kinds.map((kind) => ({ kind })) });
  if (kprobes) (await opening).close();
  else {
    const error = await opening.catch((caught) => caught);
    assert.is(error.code, "unsupported");
    assert.match(error.message, /file\.open.*kprobes/);
  }
});

test.run();
