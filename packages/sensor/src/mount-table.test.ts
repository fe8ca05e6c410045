import { test } from "uvu";
import * as assert from "uvu/assert";
import { MountTable } from "./mount-table.js";

/** `id parent device root point`, the device as minor number. */
function table(...lines: readonly string[]): MountTable {
  const text = lines.map((line) => {
    const [id, parent, minor, root, point] = line.split(" ");
    return `${id} ${parent} 0:${minor} ${root} ${point} rw,relatime shared:1 - ext4 /dev/sda rw\n`;
  });
  return new MountTable(text.join(""));
}

test("a path is behind its file system's mount point, and before it the part that is mounted", () => {
  const mounts = table("1 0 1 / /", "2 1 2 / /home", "3 1 3 /sub/volume /srv", "4 1 4 /hosts /etc/hosts");
  assert.is(mounts.locate(1, "/"), "/");
  assert.is(mounts.locate(1, "/etc/passwd"), "/etc/passwd");
  assert.is(mounts.locate(2, "/x"), "/home/x");
  assert.is(mounts.locate(2, "/"), "/home");
  assert.is(mounts.locate(3, "/sub/volume/a/b"), "/srv/a/b");
  assert.is(mounts.locate(3, "/sub/volumes/a"), undefined);
  assert.is(mounts.locate(4, "/hosts"), "/etc/hosts");
  assert.is(mounts.locate(5, "/x"), undefined);
});

test("what something else is mounted over is told where it is still seen, and nowhere else", () => {
  const covered = ["1 0 1 / /", "2 1 2 / /home"];
  assert.is(table(...covered).locate(1, "/home/x"), undefined);
  assert.is(table(...covered).locate(1, "/home"), undefined);
  assert.is(table(...covered).locate(1, "/homes/x"), "/homes/x");
  assert.is(table(...covered, "3 1 1 / /mnt").locate(1, "/home/x"), "/mnt/home/x");
  assert.is(table(...covered, "3 1 1 / /mnt").locate(1, "/etc/x"), "/etc/x");
  // A part alone, mounted before and after.
  assert.is(table("1 0 1 / /", "3 1 1 /home /mnt", "2 1 2 / /home").locate(1, "/home/x"), "/mnt/x");
});

test("what is mounted on the same place later is seen, whatever lay on the one before", () => {
  const mounts = table("1 0 1 / /", "2 1 2 / /a", "3 2 3 / /a/b", "4 2 4 / /a", "5 4 5 / /a/c");
  assert.is(mounts.locate(2, "/x"), undefined);
  assert.is(mounts.locate(3, "/x"), undefined);
  assert.is(mounts.locate(4, "/b/x"), "/a/b/x");
  assert.is(mounts.locate(5, "/x"), "/a/c/x");
  assert.equal(mounts.mountsOf(3), []);
  // Under the root too: an initramfs.
  assert.is(table("1 1 1 / /", "2 1 2 / /", "3 2 1 / /old").locate(1, "/x"), "/old/x");
});

test("a mount below one that came over it later is not seen", () => {
  const mounts = table("1 0 1 / /", "2 1 2 / /a/b", "3 1 3 / /a");
  assert.is(mounts.locate(2, "/x"), undefined);
  assert.is(mounts.locate(3, "/b/x"), "/a/b/x");
  assert.is(mounts.locate(1, "/a/x"), undefined);
});

test("in another root: what lies around it is not told, and a part of it that is mounted inside is", () => {
  const mounts = table("7 3 2 / /proc", "8 3 1 /srv/data /data");
  assert.is(mounts.locate(1, "/srv/data/x"), "/data/x");
  assert.is(mounts.locate(1, "/etc/passwd"), undefined);
});

test("octal escapes are characters, and what is no line is nothing", () => {
  assert.is(table("1 0 1 / /a\\040b\\134c").locate(1, "/x"), "/a b\\c/x");
  assert.is(new MountTable("\nnonsense\n").locate(1, "/x"), undefined);
});

test.run();
