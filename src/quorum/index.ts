// The public names of fetchlock/quorum.
export type { QuorumOptions } from "./quorum-options.js"
export { quorum, type Quorum, type QuorumStartOptions } from "./quorum.js"
export { QuorumError, type QuorumFailure } from "./quorum-error.js"
