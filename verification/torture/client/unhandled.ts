// How a Worker's log tells a rejection that nobody handled from the runtime's own words about connections that broke.

export const UNHANDLED = "unhandled rejection:"
