// node:https, in a module of its own: the bundle then loads it only if it is used, and without the loader of ES modules.
export { Agent, request } from "node:https"
