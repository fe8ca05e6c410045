export { type Needs, type RequiringTest, requires, unmetNeeds } from "./requires.js";
