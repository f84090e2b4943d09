// Run it once, share the result: the public names.
export { forget } from "./forget.js"
export { once, type Once, type OnceResult, type OnceSource } from "./once.js"
export {
  OnceAttemptsError,
  OnceError,
  type OnceErrorCode,
  OnceMismatchError,
  OnceRunError,
} from "./once-errors.js"
export type { OnceOptions } from "./once-options.js"
