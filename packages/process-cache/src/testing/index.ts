export { buildExecStack, type ExecStackParts, STACK_POINTER } from "./exec-stack.js";
