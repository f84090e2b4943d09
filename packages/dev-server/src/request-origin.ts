// Refuses requests that a web page of another site has caused, DNS rebinding included.

const LOOPBACK = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** Tells why a request must not be answered because of where it comes from; undefined if it may. */
export type OriginCheck = (request: Request) => string | undefined

/**
 * A page can point a name of its own at this machine (DNS rebinding); the browser then sends that name in `Host`. So
 * only hosts that nobody else controls are answered, and no page but one of this very server.
 */
export function originCheck(hosts: readonly string[]): OriginCheck {
  const allowed = new Set(hosts.map((host) => normalize(hostOf(host))))
  return ({ headers, url }) => {
    const host = parseHost(headers.get("host") ?? new URL(url).host)
    if (!host || !(LOOPBACK.test(host.hostname) || allowed.has(host.hostname)))
      return "ERR this local server does not answer for this Host; see its option allowedHosts (--allow-host)"
    const origin = headers.get("origin")
    const isForeign = origin !== null && originHost(origin) !== host.host
    // Browsers send this with every request, and no Origin with a plain GET.
    if (isForeign || /^(cross|same)-site$/.test(headers.get("sec-fetch-site") ?? ""))
      return "ERR this local server does not answer pages of other sites"
    return undefined
  }
}

/** The host as it stands in a URL: an IPv6 address in brackets. */
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
  // A name may end with a dot and means the same.
  url.hostname = url.hostname.replace(/\.$/, "")
  return url
}

/** The host and port of an origin; undefined for `null` and for what is no web origin. */
function originHost(origin: string): string | undefined {
  return /^https?:\/\//.test(origin)
    ? parseHost(origin.replace(/^https?:\/\//, ""))?.host
    : undefined
}
