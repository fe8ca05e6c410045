/**
 * @typedef {object} CpioEntry
 * @property {string} path Relative, its folder listed before it.
 * @property {number} mode Type and permissions, as in `st_mode`.
 * @property {Uint8Array} [contents]
 */

/**
 * Writes a cpio archive as the kernel's initramfs unpacker reads it ("newc", Documentation/driver-api/early-userspace/
 * buffer-format.rst). All files belong to root and carry no time, so the same entries give the same bytes.
 *
 * @param {readonly CpioEntry[]} entries
 * @returns {Buffer}
 */
export function cpio(entries) {
  const end = { path: "TRAILER!!!", mode: 0 };
  return Buffer.concat([...entries, end].flatMap((entry, i) => member(entry, i + 1)));
}

/** @param {CpioEntry} entry @param {number} inode */
function member({ path, mode, contents = new Uint8Array() }, inode) {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, time, size, device (2), special device (2), length of the name, checksum (unused)
  const fields = [inode, mode, 0, 0, 1, 0, contents.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return [...padded(Buffer.concat([Buffer.from(header), name])), ...padded(contents)];
}

/** @param {Uint8Array} bytes */
function padded(bytes) {
  return [bytes, new Uint8Array(-bytes.length & 3)];
}
