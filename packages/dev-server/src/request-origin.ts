// Refuses requests of web pages of other sites, DNS rebinding included.

const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Returns why a request must be refused because of its origin; undefined if it may pass. */
export type OriginCheck = (request: Request) => string | undefined

/**
 * A page can resolve its own host name to this machine (DNS rebinding); the browser then sends that name in `Host`. So
 * requests are answered only for hosts that no one else controls, and only from pages of this server.
 */
export function originCheck(hosts: readonly string[]): OriginCheck {
  const allowed = new Set(hosts.map((host) => normalize(hostOf(host))))
  return ({ headers, url }) => {
    const host = parseHost(headers.get("host") ?? new URL(url).host)
    if (!host || !(LOOPBACK.test(host.hostname) || allowed.has(host.hostname)))
      return "ERR this Host is not allowed by the local server; see its option allowedHosts (--allow-host)"
    const origin = headers.get("origin")
    const isForeign = origin !== null && originHost(origin) !== host.host
    // Browsers send this with every request, and no Origin with a plain GET.
    if (isForeign || /^(cross|same)-site$/.test(headers.get("sec-fetch-site") ?? ""))
      return "ERR the local server does not answer requests from pages of other sites"
    return undefined
  }
}

/** The host as in a URL: an IPv6 address in brackets. */
export function hostOf(address: string): string {
  return address.includes(":") && !address.startsWith("[") ? `[${address}]` : address
}

function normalize(host: string): string {
  return parseHost(host)?.hostname ?? host
}

function parseHost(host: string | null): URL | undefined {
  if (host === null || !/^[^\s/?#@]+$/.test(host) || !URL.canParse(`http://${host}/`))
    return undefined
  const url = new URL(`http://${host}/`)
  // A name with a trailing dot means the same.
  url.hostname = url.hostname.replace(/\.$/, "")
  return url
}

/** The host and port of an origin; undefined for `null` and for an origin that is not http(s). */
function originHost(origin: string): string | undefined {
  return /^https?:\/\//.test(origin)
    ? parseHost(origin.replace(/^https?:\/\//, ""))?.host
    : undefined
}
