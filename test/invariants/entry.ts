// What the schedules need of the library in one module.
export { LockManager } from "../../src/index.js"
export * as scripts from "../../src/redis/lua/scripts.js"
