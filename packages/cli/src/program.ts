import { readFileSync } from "node:fs";
import { defaultAddress, eventKinds } from "@kernscope/telemetry-api";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import colors from "picocolors";
import { events } from "./commands/events.js";
import type { CredentialFiles } from "./credentials.js";
import { CliError, ExitStatus } from "./errors.js";
import type { SyscallNames } from "./format/accounts/syscall.js";
import { formatJson } from "./format/json.js";
import { PrettyFormat } from "./format/pretty.js";
import { printable } from "./format/printable.js";
import { UserNames } from "./format/user-names.js";
import { Output } from "./output.js";
import { parseTimeSpan } from "./time-span.js";

interface EventsFlags extends CredentialFiles {
  readonly output: "pretty" | "json";
  readonly address: string;
  readonly limit?: number;
  readonly for?: number;
  readonly container?: readonly string[];
  readonly image?: readonly string[];
  readonly subscription?: string;
}

/**
 * Runs `kernscope`.
 *
 * @param args arguments, without program and script
 * @returns the exit status
 */
export async function runProgram(args: readonly string[]): Promise<ExitStatus> {
  try {
    await commandLine().parseAsync(args, { from: "user" });
    return ExitStatus.OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitStatus.OK : ExitStatus.USAGE;
    // Whoever read the output has seen enough, as in `kernscope events | head`.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") return ExitStatus.OK;
    if (error instanceof CliError) {
      say(error.message);
      return error.status;
    }
    say(
      (error as NodeJS.ErrnoException).syscall === "write" ? `stdout: ${(error as Error).message}` : unexpected(error),
    );
    return ExitStatus.FAILED;
  }
}

function commandLine(): Command {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const program = new Command("kernscope")
    .description("Shows telemetry events of a host, as kernscope-sensor serves them.")
    .version(version)
    .configureOutput({
      outputError: (text, write) =>
        write(
          `kernscope: ${printable(
            text
              .trim()
              .replace(/^error: /, "")
              .replaceAll("\n", " "),
          )}\n`,
        ),
    })
    .exitOverride();
  program
    .command("events")
    .description("print events as they happen")
    .argument("[SELECTOR...]", "kinds of events, such as exec, or 'KIND where EXPRESSION' (default: fork exec exit)")
    .addOption(outputOption())
    .option(
      "--container <name>",
      "only what happens in this container, by name, id or the id's first 12 digits or more; again for more",
      appended,
    )
    .option("--image <glob>", "only in containers of these images, such as 'nginx:*'; again for more", appended)
    .option("--subscription <file>", "take the whole subscription from a JSON file; - is the standard input")
    .option("--limit <n>", "end after n events", positiveInteger)
    .option("--for <time>", "end after a time such as 500ms, 5s, 2m or 1h", parseTimeSpan)
    .option("--address <address>", "where the service is: unix:PATH, HOST:PORT or https://HOST:PORT", defaultAddress)
    .option("--tls-ca <file>", "authorities that the service's certificate is trusted of (default: the common ones)")
    .option("--tls-cert <file>", "certificate to prove who you are, in PEM")
    .option("--tls-key <file>", "its key")
    .option("--token-file <file>", "bearer token to prove who you are")
    .addHelpText(
      "after",
      `
Kinds: ${Object.keys(eventKinds).join(", ")}
Some take more behind a colon: syscall:openat,close  kernel-call:FUNCTION(path=+0($arg2):ustring)
user-call:PROGRAM:FUNCTION  performance:cycles,instructions  container:full  ticker:500ms  chargen:72
Conditions: 'open where filename ~ "/etc/*" && (flags & 3) != 0'; kernscope explain KIND lists
the fields of a kind's conditions, kernscope explain 'KIND where EXPRESSION' shows what becomes of one.
Ends with status 0 after Ctrl-C, too; 1 when the service or the stream fails; 2 for wrong usage.`,
    )
    .action(runEvents);
  program
    .command("explain")
    .description("show which part of a condition runs in this host's kernel, which in the sensor, and why")
    .argument(
      "<SELECTOR...>",
      "KIND where EXPRESSION, in one argument or several; KIND alone: its conditions' fields, too",
    )
    .addOption(outputOption())
    .addHelpText("after", "\nEnds with status 1 where a sensor on this host would refuse it; 2 for wrong usage.")
    .action(runExplain);
  program
    .command("doctor")
    .description("tell whether a sensor can run on this host, and which events it can serve")
    .addOption(outputOption())
    .addHelpText("after", "\nEnds with status 0 only where a sensor can run.")
    .action(runDoctor);
  return program;
}

function outputOption(): Option {
  return new Option("-o, --output <format>", "lines for people or JSON").choices(["pretty", "json"]).default("pretty");
}

async function runExplain(words: readonly string[], { output }: Pick<EventsFlags, "output">): Promise<void> {
  const { explain } = await import("./commands/explain.js");
  await explain({ selector: words.join(" "), format: output, ...terminal() });
}

async function runDoctor({ output }: Pick<EventsFlags, "output">): Promise<void> {
  const { doctor } = await import("./commands/doctor.js");
  await doctor({ format: output, ...terminal() });
}

function terminal() {
  const isTerminal = process.stdout.isTTY === true;
  const output = new Output(process.stdout.fd);
  return {
    colors: colors.createColors(isTerminal && colors.isColorSupported),
    write: (text: string) => output.write(text),
  };
}

async function runEvents(selectors: readonly string[], flags: EventsFlags): Promise<void> {
  const { colors, write } = terminal();
  const pretty = new PrettyFormat(UserNames.ofThisHost(), colors, await syscallNames(selectors, flags));
  await events({
    selectors,
    containers: flags.container,
    images: flags.image,
    subscription: flags.subscription,
    address: flags.address,
    credentials: flags,
    limit: flags.limit,
    durationNanos: flags.for,
    format: flags.output === "json" ? formatJson : (event) => pretty.format(event),
    write,
    warn: say,
    signal: endingSignal(),
  });
}

/** Names of system calls, loaded with the sensor where they may be needed. */
async function syscallNames(selectors: readonly string[], flags: EventsFlags): Promise<SyscallNames> {
  const mayNeed = flags.subscription !== undefined || selectors.some((text) => /^\s*syscall/i.test(text));
  if (!mayNeed || flags.output === "json") return () => undefined;
  const { compatArchitecture, syscallName } = await import("@kernscope/sensor");
  return (id, compat) => syscallName(id, compat ? (compatArchitecture() ?? "") : process.arch);
}

/** Milliseconds that the last events may take after a signal. */
const ENDING_TIME = 1000;

/** Fires at Ctrl-C and SIGTERM. Where the output's reader keeps the program from ending, the signal ends it as usual. */
function endingSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(name, () => {
      controller.abort();
      setTimeout(() => process.kill(process.pid, name), ENDING_TIME).unref();
    });
  }
  return controller.signal;
}

function appended(text: string, before: readonly string[] = []): readonly string[] {
  if (text !== "") return [...before, text];
  throw new InvalidArgumentError("Give a name.");
}

function positiveInteger(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Give an integer from 1.");
}

function unexpected(error: unknown): string {
  return `unexpected: ${printable((error as Error)?.message ?? String(error))} – please report it`;
}

function say(text: string): void {
  process.stderr.write(`kernscope: ${text}\n`);
}
