import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Subscription, SubscriptionSchema } from "@kernscope/telemetry-api";
import { CliError, ExitStatus } from "./errors.js";
import { printable } from "./format/printable.js";

/**
 * Reads a `Subscription` of the API in protobuf's JSON, or the `GetEventsRequest` around it, which is what the service
 * takes of curl; `-` is the standard input.
 *
 * @throws CliError
 */
export async function readSubscription(path: string): Promise<Subscription> {
  const name = path === "-" ? "the standard input" : printable(path);
  let text: string;
  try {
    text = await (path === "-" ? readAll(process.stdin) : readFile(path, "utf8"));
  } catch (error) {
    throw new CliError(`${name}: ${printable((error as Error).message)}`, ExitStatus.USAGE);
  }
  try {
    return fromJson(SubscriptionSchema, unwrapped(JSON.parse(text)));
  } catch (error) {
    const cause = printable((error as Error).message.replaceAll("\n", " "));
    throw new CliError(`${name} is no subscription: ${cause} – see subscription.proto`, ExitStatus.USAGE);
  }
}

function unwrapped(json: JsonValue): JsonValue {
  const isRequest = typeof json === "object" && json !== null && !Array.isArray(json) && Object.keys(json).length === 1;
  return isRequest ? (json["subscription"] ?? json) : json;
}
