// A process with a Valkey in WebAssembly, so that its work does not delay the tests' own timers. Ends when its parent does.
import { ValkeyBridge } from "./valkey-bridge.js"

const url = await new ValkeyBridge().start()
process.on("disconnect", () => process.exit())
process.send?.(url)
