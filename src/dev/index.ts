// The public names of `fetchlock/dev`.
export type { DevServerOptions } from "./options.js"
export { type DevServer, startDevServer } from "./server.js"
