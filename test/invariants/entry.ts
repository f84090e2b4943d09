// The parts of the library that the schedules need, in one module.
export { LockManager } from "../../src/index.js"
export * as scripts from "../../src/redis/lua/scripts.js"
