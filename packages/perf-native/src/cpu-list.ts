import { readFileSync } from "node:fs";

/** CPUs that the system has, online or not (`/sys/devices/system/cpu/present`). */
export function presentCpus(): number[] {
  return parseCpuList(readFileSync("/sys/devices/system/cpu/present", "latin1"));
}

/** Parses the kernel's list form (cpuset(7), "List format"), such as `0-3,8`. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first = 0, last = first] = part.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });
}
