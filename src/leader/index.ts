// Leader election: the public names.
export { lead } from "./lead.js"
export type { LeadOptions } from "./lead-options.js"
