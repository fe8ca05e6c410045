import { defaultAddress } from "@kernscope/telemetry-api";
import type { Config } from "./config.js";
import {
  readAddresses,
  readCgroups,
  readFollow,
  readGroup,
  readLimits,
  readLogLevel,
  readMode,
  readOrigins,
  readPath,
  readRingPages,
  readRingSize,
} from "./config-readers.js";
import { defaultLimits } from "./limits.js";

/** How a setting is named and read. */
export interface Setting<T> {
  readonly flag: string;
  readonly variable: string;
  /** Names of the original sensor, which come after ours. */
  readonly original?: readonly string[];
  /** Takes the items of a list. Variables separate them by commas. */
  readonly list?: boolean;
  readonly read: (items: readonly string[]) => T;
  /** Reads the original's variable where it means something else. */
  readonly readOriginal?: (text: string) => T;
  readonly otherwise: T;
}

/** Reads what is one value. */
export const one =
  <T>(read: (text: string) => T) =>
  ([text = ""]: readonly string[]) =>
    read(text);
const path = { read: one<string | undefined>(readPath), otherwise: undefined };
const ORIGINAL = "CAPSULE8_SENSOR";

/** Every setting. The file has them by these names. */
export const settings: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  listen: {
    flag: "--listen",
    variable: "KERNSCOPE_LISTEN",
    original: [`${ORIGINAL}_SERVER_ADDR`],
    list: true,
    read: readAddresses,
    otherwise: [defaultAddress],
  },
  socketMode: { flag: "--socket-mode", variable: "KERNSCOPE_SOCKET_MODE", read: one(readMode), otherwise: 0o660 },
  socketGroup: {
    flag: "--socket-group",
    variable: "KERNSCOPE_SOCKET_GROUP",
    read: one((text) => readGroup(text)),
    otherwise: undefined,
  },
  tlsCert: {
    ...path,
    flag: "--tls-cert",
    variable: "KERNSCOPE_TLS_CERT",
    original: [`${ORIGINAL}_TLS_SERVER_CERT_PATH`],
  },
  tlsKey: { ...path, flag: "--tls-key", variable: "KERNSCOPE_TLS_KEY", original: [`${ORIGINAL}_TLS_SERVER_KEY_PATH`] },
  tlsClientCa: {
    ...path,
    flag: "--tls-client-ca",
    variable: "KERNSCOPE_TLS_CLIENT_CA",
    // The original's two spellings come from how its library cut names.
    original: [`${ORIGINAL}_TLSCA_CERT_PATH`, `${ORIGINAL}_TLS_CA_CERT_PATH`],
  },
  tokenFile: { ...path, flag: "--token-file", variable: "KERNSCOPE_TOKEN_FILE" },
  allowOrigins: {
    flag: "--allow-origin",
    variable: "KERNSCOPE_ALLOW_ORIGINS",
    list: true,
    read: readOrigins,
    otherwise: [],
  },
  cgroups: {
    flag: "--cgroup",
    variable: "KERNSCOPE_CGROUPS",
    original: [`${ORIGINAL}_CGROUP_NAME`],
    list: true,
    read: readCgroups,
    otherwise: [],
  },
  follow: { flag: "--follow", variable: "KERNSCOPE_FOLLOW", list: true, read: readFollow, otherwise: [] },
  ringSize: {
    flag: "--ring-size",
    variable: "KERNSCOPE_RING_SIZE",
    original: [`${ORIGINAL}_RING_BUFFER_PAGES`],
    read: one(readRingSize),
    readOriginal: readRingPages,
    otherwise: 2 * 1024 * 1024,
  },
  logLevel: { flag: "--log-level", variable: "KERNSCOPE_LOG_LEVEL", read: one(readLogLevel), otherwise: "info" },
  limits: {
    flag: "--limit",
    variable: "KERNSCOPE_LIMITS",
    list: true,
    read: (items) => ({ ...defaultLimits, ...readLimits(items) }),
    otherwise: defaultLimits,
  },
};

/** The original's switch: without it its paths of certificates mean nothing. */
export const ORIGINAL_TLS = `${ORIGINAL}_USE_TLS`;
/** Settings that the switch is for. */
export const originalTls = new Set<string>(["tlsCert", "tlsKey", "tlsClientCa"]);
