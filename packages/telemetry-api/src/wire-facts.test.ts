import { readFileSync } from "node:fs";
import { type DescEnum, type DescField, type DescFile, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { StatusSchema, TelemetryService } from "./messages.js";

// The files in test/ were written from the published definitions, not from ours: they tell when the wire changes.
const published = readFacts("wire-published.txt");
const extensions = readFacts("wire-extensions.txt");
const apiPackage = "capsule8.api.v0";
const api = apiFiles();

test("the files have the published names", () => {
  assert.equal([...api.keys()].sort(), ["expression", "subscription", "telemetry_event", "telemetry_service", "types"]);
  for (const file of api.values()) assert.is(file.proto.syntax, "proto3");
});

test("every published message, field, enum and value is there, with its number and type, and what is beside them is ours", () => {
  assert.is(published.length, 326);
  assert.equal([...api.values()].flatMap(factsOf).sort(), [...published, ...extensions].sort());
});

test("what is ours in a published message or enum has a number from 1000 up", () => {
  const homes = new Set(published.map((fact) => parts(fact).home));
  const within = extensions.map(parts).filter(({ home }) => homes.has(home));
  assert.ok(within.length > 10);
  for (const { home, number } of within) assert.ok(number >= 1000, `${home}: ${number}`);
});

test("JSON names are those that protobuf derives", () => {
  for (const file of api.values()) {
    for (const message of messagesOf(file)) {
      for (const field of message.fields) {
        const derived = field.name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
        assert.is(field.jsonName, derived, `${field}`);
      }
    }
  }
});

test("the service has one method, which streams responses", () => {
  assert.is(TelemetryService.typeName, "capsule8.api.v0.TelemetryService");
  assert.equal(Object.keys(TelemetryService.method), ["getEvents"]);
  const { name, methodKind, input, output } = TelemetryService.method.getEvents;
  assert.is(name, "GetEvents");
  assert.is(methodKind, "server_streaming");
  assert.is(input.typeName, "capsule8.api.v0.GetEventsRequest");
  assert.is(output.typeName, "capsule8.api.v0.GetEventsResponse");
});

test("google.rpc.Status is the one that all of gRPC shares", () => {
  assert.is(StatusSchema.typeName, "google.rpc.Status");
  assert.equal(factsOf(StatusSchema.file), [
    "google/rpc/status.proto google.rpc.Status: code = 1: int32",
    "google/rpc/status.proto google.rpc.Status: details = 3: repeated google.protobuf.Any",
    "google/rpc/status.proto google.rpc.Status: message = 2: string",
  ]);
});

/** Lines of `HOME: FACT`, a home being a file and the message or enum in it. */
function readFacts(name: string): string[] {
  const facts: string[] = [];
  let file = "";
  let home = "";
  for (const line of readFileSync(new URL(`../test/${name}`, import.meta.url), "utf8").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("file ")) file = `capsule8/api/v0/${line.slice(5)}`;
    else if (line.startsWith("  ")) facts.push(`${file} ${home}: ${line.trim()}`);
    else home = line.replace(/^(message|enum) /, "");
  }
  return facts;
}

function parts(fact: string): { home: string; number: number } {
  const [, home, number] = /^(.*?): \w+ = (\d+)/.exec(fact) ?? [];
  if (home === undefined) throw new Error(`no fact: ${fact}`);
  return { home, number: Number(number) };
}

/** The API's files by their names without folder and extension. */
function apiFiles(): Map<string, DescFile> {
  const files = new Map<string, DescFile>();
  const visit = (file: DescFile) => {
    if (file.proto.package === apiPackage) files.set(file.name.replace("capsule8/api/v0/", ""), file);
    for (const dependency of file.dependencies) visit(dependency);
  };
  visit(TelemetryService.file);
  return files;
}

function factsOf(file: DescFile): string[] {
  const messages = messagesOf(file);
  const enums = [...file.enums, ...messages.flatMap((message) => message.nestedEnums)];
  const facts = [
    ...messages.flatMap((message) => message.fields.map((field) => `${homeOf(message)}: ${fieldFact(field)}`)),
    ...enums.flatMap((desc) => desc.values.map((value) => `${homeOf(desc)}: ${value.name} = ${value.number}`)),
  ];
  return facts.sort();
}

/** All messages of a file but the entries of maps, which are no messages in their own right. */
function messagesOf({ messages }: { messages: readonly DescMessage[] }): DescMessage[] {
  return messages.flatMap((message) => [message, ...messagesOf({ messages: message.nestedMessages })]);
}

function homeOf(desc: DescMessage | DescEnum): string {
  return `${desc.file.name}.proto ${localName(desc.typeName)}`;
}

function fieldFact(field: DescField): string {
  const oneof = field.oneof === undefined ? "" : ` in ${field.oneof.name}`;
  return `${field.name} = ${field.number}: ${typeOf(field)}${oneof}`;
}

function typeOf(field: DescField): string {
  const element = field.message ?? field.enum;
  const name = element === undefined ? scalarName(field.scalar as ScalarType) : nameWithin(field.parent, element);
  if (field.fieldKind === "list") return `repeated ${name}`;
  if (field.fieldKind === "map") return `map<${scalarName(field.mapKey)}, ${name}>`;
  return name;
}

/** The type as one would write it in the message: without the package, and without the message if it is nested there. */
function nameWithin(parent: DescMessage, { typeName }: DescMessage | DescEnum): string {
  const outer = typeName.slice(0, typeName.lastIndexOf("."));
  const nested = parent.typeName === outer || parent.typeName.startsWith(`${outer}.`);
  return nested ? typeName.slice(outer.length + 1) : localName(typeName);
}

function localName(typeName: string): string {
  return typeName.startsWith(`${apiPackage}.`) ? typeName.slice(apiPackage.length + 1) : typeName;
}

function scalarName(type: ScalarType): string {
  return ScalarType[type].toLowerCase();
}

test.run();
