import { PerfError } from "../errors.js";
import { parseFetchArgument } from "../probe-text.js";
import { format } from "./formats.js";

/** A line of `kprobe_events` or `uprobe_events`. */
export interface FakeProbe {
  /** `GROUP/EVENT`. */
  readonly event: string;
  readonly file: string;
  /** `[MODULE:]SYMBOL[+OFFSET]`, an address, or `PATH:OFFSET`. */
  readonly place: string;
  readonly onReturn: boolean;
  /** The whole line. */
  readonly line: string;
  /** Its format, as tracefs would print it. */
  readonly format: string;
  /** What `kprobe_profile` and `uprobe_profile` say. */
  reached: number;
  missed: number;
}

/** Probes of a kernel that is not there: takes lines as tracefs does, and makes a format of each. */
export class FakeProbes {
  /** By `GROUP/EVENT`. */
  readonly probes = new Map<string, FakeProbe>();
  readonly #functions: ReadonlySet<string> | undefined;
  #id = 2000;

  /** @param functions kernel functions that there are; left out: all, empty: no `kprobe_events` */
  constructor(functions?: readonly string[]) {
    this.#functions = functions === undefined ? undefined : new Set(functions);
  }

  append(file: string, line: string): void {
    if (file === "kprobe_events" && this.#functions?.size === 0) {
      throw new PerfError("unsupported", { operation: "tracefs", subject: file, cause: "no such file" });
    }
    const removed = /^-:(\S+)$/.exec(line)?.[1];
    if (removed === undefined) this.#add(file, line);
    else if (!this.probes.delete(removed)) throw failed(file, line, "ENOENT");
  }

  /** `kprobe_events`, `uprobe_events` and their profiles. */
  read(file: string): string {
    const [, kind = "", what] = /^(kprobe|uprobe)_(events|profile)$/.exec(file) ?? [];
    const probes = [...this.probes.values()].filter((probe) => probe.file === `${kind}_events`);
    const lines = probes.map((probe) => {
      if (what === "events") return probe.line;
      const name = probe.event.split("/")[1];
      if (kind === "uprobe") return `  ${probe.place} ${name} ${probe.reached}`;
      return `  ${name} ${probe.reached} ${probe.missed}`;
    });
    return lines.map((line) => `${line}\n`).join("");
  }

  #add(file: string, line: string): void {
    const [head = "", place = "", ...args] = line.split(" ");
    const [, type, event = ""] = /^([pr])\d*:(\S+)$/.exec(head) ?? [];
    if (type === undefined) throw failed(file, line, "EINVAL");
    const symbol = place.replace(/\+.*$/, "");
    if (file === "kprobe_events" && this.#functions?.has(symbol) === false) throw failed(file, line, "ENOENT");
    const onReturn = type === "r";
    const text = probeFormat(event.split("/")[1] ?? "", this.#id++, onReturn, args);
    this.probes.set(event, { event, file, place, onReturn, line, format: text, reached: 0, missed: 0 });
  }
}

/** Widths of fetch types whose name does not tell it. */
const widths: Readonly<Record<string, number>> = { char: 1, symbol: 8 };

function probeFormat(name: string, id: number, onReturn: boolean, args: readonly string[]): string {
  const fields = onReturn
    ? ["unsigned long __probe_func", "unsigned long __probe_ret_ip"]
    : ["unsigned long __probe_ip"];
  let offset = 8;
  const lines = fields.map((field) => line(field, 8, false));
  function line(declaration: string, size: number, signed: boolean): string {
    offset += size;
    return `${declaration};	offset:${offset - size};	size:${size};	signed:${signed ? 1 : 0};`;
  }
  for (const arg of args) {
    const [, field = "", text = ""] = /^(\w+)=(.*)$/.exec(arg) ?? [];
    const { expression, type = expression === "$comm" ? "string" : "u64", count } = parseFetchArgument(text);
    const brackets = count === undefined ? "" : `[${count}]`;
    if (/string|symstr|^%p/.test(type)) {
      lines.push(line(`__data_loc char[]${brackets} ${field}`, 4 * (count ?? 1), true));
    } else {
      const bits = Number(/(\d+)$/.exec(type)?.[1] ?? 8 * (widths[type] ?? 8));
      const word = `${type.startsWith("s") && type !== "symbol" ? "s" : "u"}${bits}`;
      lines.push(
        line(`${word} ${field}${count === undefined ? "" : "[]"}`, (bits / 8) * (count ?? 1), word[0] === "s"),
      );
    }
  }
  return format(name, id, lines);
}

function failed(operation: string, subject: string, errno: string): PerfError {
  const code = errno === "ENOENT" ? "not_found" : "invalid";
  return new PerfError(code, { operation, subject, cause: errno, errno });
}
