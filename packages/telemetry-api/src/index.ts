// The API itself: service, messages and enums, each with its schema.
export * from "./messages.js";
