// The public names of fetchlock/quorum.
export type { QuorumOptions } from "./options.js"
export { Quorum, quorum, type QuorumStartOptions } from "./quorum.js"
export { QuorumError, type QuorumFailure } from "../store/quorum/quorum-error.js"
