// Reads the arguments of `request`, and refuses those that the Web Locks standard forbids.
import { overlay, type RequestOptions, withDefaults } from "../options.js"
import { invalid, notSupported } from "../values/invalid-argument.js"

/** Options as an untyped caller may pass them. */
type Given = Partial<Record<"mode" | "ifAvailable" | "steal" | "signal", unknown>>

type Callback = (lock: never) => unknown

/** Arguments of `request(name, callback)` or `request(name, options, callback)`. */
export interface RequestArguments {
  readonly options: RequestOptions
  readonly callback: Callback
}

/**
 * Sorts and checks the arguments.
 *
 * https://w3c.github.io/web-locks/#api-lock-manager-request
 *
 * @throws `TypeError` for arguments of the wrong type, `NotSupportedError` for combinations that the standard
 *   forbids.
 */
export function readRequestArguments(
  defaults: RequestOptions,
  args: readonly unknown[],
): RequestArguments {
  const [options, callback] = args.length < 2 ? [undefined, args[0]] : args
  if (typeof callback !== "function") {
    throw invalid("callback", "a function", callback)
  }
  // Only the options of the call itself must not be combined; the manager's defaults do not count.
  checkCombination(overlay<Given>({}, options))
  return { options: withDefaults(defaults, options), callback: callback as Callback }
}

function checkCombination(options: Given): void {
  const { mode = "exclusive", ifAvailable = false, steal = false, signal } = options
  if (mode !== "exclusive" && mode !== "shared") {
    throw invalid("mode", '"exclusive" or "shared"', mode)
  }
  if (steal && ifAvailable) throw notSupported("steal: cannot be combined with ifAvailable")
  if (steal && mode !== "exclusive") throw notSupported("steal: needs the exclusive mode")
  if (signal && (steal || ifAvailable)) {
    throw notSupported("signal: cannot be combined with steal or ifAvailable")
  }
}
