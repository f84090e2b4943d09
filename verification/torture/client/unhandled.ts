// Marks unhandled rejections in a Worker's log, to distinguish them from the runtime's messages about broken connections.

export const UNHANDLED = "unhandled rejection:"
