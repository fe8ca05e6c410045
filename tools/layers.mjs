import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Which packages a package may import; tests may also import `@kernscope/test-support` and those of {@link forTests}. */
const allowed = {
  "perf-native": [],
  perf: ["perf-native"],
  "process-cache": ["perf"],
  "container-cache": ["perf"],
  expression: [],
  sensor: ["process-cache", "container-cache", "expression", "perf"],
  "telemetry-api": [],
  "telemetry-service": ["sensor", "telemetry-api", "expression"],
  cli: ["telemetry-api", "expression", "sensor"],
};

/** What a package's tests run against, beside what it may import. */
const forTests = {
  cli: ["telemetry-service"],
  expression: ["perf"],
  "container-cache": ["container-beds"],
  "telemetry-service": ["perf"],
};

/** Lists the imports that go up or sideways, one line each. */
export function layerFaults(root) {
  return readdirSync(join(root, "packages")).flatMap((name) => {
    const may = allowed[name];
    if (may === undefined) return [`packages/${name} has no layer – add it to tools/layers.mjs`];
    return sources(join(root, "packages", name, "src")).flatMap((file) => {
      const isTest = /\.test\.|\/testing\//.test(file);
      const allowedHere = isTest ? [...may, "test-support", ...(forTests[name] ?? [])] : may;
      return importedPackages(readFileSync(file, "utf8"))
        .filter((target) => !allowedHere.includes(target))
        .map((target) => `${relative(root, file)} imports @kernscope/${target}, which is not below ${name}`);
    });
  });
}

/** The packages of ours that a source imports, by static or dynamic import. */
export function importedPackages(text) {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"@kernscope\/([a-z-]+)/g)].map(([, name]) => name);
}

function sources(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
