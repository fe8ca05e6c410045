import { execFileSync } from "node:child_process";

/**
 * The newest version of the C library that a binary needs, such as `2.14`.
 *
 * @param {string} path An ELF file for any processor.
 */
export function neededGlibc(path) {
  const versions = [
    ...execFileSync("readelf", ["--version-info", "--wide", path], { encoding: "utf8" })
      .split("Version needs section")
      .slice(1)
      .join("")
      .matchAll(/Name: GLIBC_(\d+)\.(\d+)/g),
  ].map(([, major, minor]) => [Number(major), Number(minor)]);
  if (versions.length === 0) throw new Error(`readelf(${path}): it needs no version of the C library, which cannot be`);
  return versions.reduce((newest, version) => (isNewer(version, newest) ? version : newest)).join(".");
}

/** @param {readonly number[]} a @param {readonly number[]} b */
function isNewer([major = 0, minor = 0], [otherMajor = 0, otherMinor = 0]) {
  return major > otherMajor || (major === otherMajor && minor > otherMinor);
}

/** @param {string} version @param {string} limit */
export function isWithin(version, limit) {
  return !isNewer(version.split(".").map(Number), limit.split(".").map(Number));
}
