// The error for what cannot be done, as the Web Locks standard has it.

export function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError")
}
