import { readFileSync } from "node:fs";
import { defaultAddress } from "@kernscope/telemetry-api";
import { Command, Option } from "commander";
import pc from "picocolors";
import { type EventsOptions, events } from "./commands/events.js";
import type { Formatter } from "./format/formatter.js";
import { formatJson } from "./format/json.js";
import { prettyFormatter } from "./format/pretty.js";
import { UserNames } from "./format/users.js";

export interface Terminal {
  output: NodeJS.WriteStream;
  errors: NodeJS.WriteStream;
  signal: AbortSignal;
}

/** The command line of the program `kernscope`. */
export function createProgram({ output, errors, signal }: Terminal): Command {
  const program = new Command("kernscope")
    .description("Watches a Linux host: process events from a running kernscope-sensor.")
    .version(version())
    .configureOutput({ writeOut: (text) => output.write(text), writeErr: (text) => errors.write(text) })
    .exitOverride();
  program
    .command("events")
    .description("Print events as they happen, until Ctrl-C.")
    .argument("[SELECTOR...]", "kinds of events: fork, exec, exit (default: all three)")
    .addOption(new Option("-o, --output <FORMAT>", "how to print").choices(["pretty", "json"]).default("pretty"))
    .option("--limit <N>", "end after N events")
    .option("--for <TIME>", "end after a time, such as 500ms, 5s, 2m, 1h")
    .addOption(
      new Option("--address <ADDR>", "where the service listens: unix:PATH or HOST:PORT")
        .default(defaultAddress)
        .env("KERNSCOPE_ADDRESS"),
    )
    .action(async (selectors: string[], options: EventsOptions & { output: "pretty" | "json" }) => {
      const say = (text: string) => errors.write(`kernscope: ${text}\n`);
      await events(selectors, options, { output, say, format: formatter(options.output, output), signal });
    });
  return program;
}

function formatter(name: "pretty" | "json", output: NodeJS.WriteStream): Formatter {
  if (name === "json") return formatJson;
  const coloured = output.isTTY === true && !process.env.NO_COLOR;
  return prettyFormatter(pc.createColors(coloured), new UserNames());
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}
