import type { ChargenEvent, TickerEvent } from "@kernscope/telemetry-api";
import type { Account } from "../account.js";
import { printable } from "../printable.js";

export function tickerAccount({ seconds, nanoseconds }: TickerEvent): Account {
  return { what: "tick", more: `${seconds}.${String(nanoseconds).padStart(9, "0")}` };
}

export function chargenAccount({ index, characters }: ChargenEvent): Account {
  return { what: "chargen", more: `${index}  ${printable(characters)}` };
}
