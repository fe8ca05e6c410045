export { type CompiledProgram, compileProgram } from "./compile-program.js";
export { type Needs, type RequiringTest, requires, unmetNeeds } from "./requires.js";
