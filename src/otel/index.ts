// OpenTelemetry: the public names.
export { type LockTelemetry, telemetry, type TelemetryOptions } from "./telemetry.js"
