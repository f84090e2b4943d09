// A Worker that reports to OpenTelemetry, and responds with what was recorded.
import { LockManager } from "fetchlock"
import { telemetry } from "fetchlock/otel"
import { startSdk } from "./sdk.js"

export default {
  async fetch(_: Request, env: object): Promise<Response> {
    const { meter, tracer, metrics, spans } = startSdk()
    const label = (name: string) => name.split(":")[0]
    const { onEvent, trace } = telemetry({ meter, tracer, label })
    const locks = LockManager.fromEnv(env, { onEvent })
    await tracer.startActiveSpan("handler", async (handler) => {
      await trace(locks).request("order:1", async (lock) => {
        const step = tracer.startSpan("charge")
        await locks.tryAcquire(lock.name)
        step.end()
      })
      handler.end()
    })
    return Response.json({ metrics: await metrics(), spans: spans() })
  },
}
