export { CliError, type CliErrorCode } from "./errors.js";
export { createProgram, type Terminal } from "./program.js";
