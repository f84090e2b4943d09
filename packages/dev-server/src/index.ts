// The public names of `@fetchlock/dev-server`.
export type { DevServerOptions } from "./options.js"
export { type DevServer, startDevServer } from "./server.js"
