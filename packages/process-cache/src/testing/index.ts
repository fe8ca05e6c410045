export { buildExecStack, type ExecStackParts, STACK_POINTER } from "./exec-stack.js";
export { FakeProc, type FakeProcessFacts } from "./fake-proc.js";
export { type ExecSample, execSample, exitSample } from "./samples.js";
