// Problem details, the answers of this library's HTTP adapters that are none of the handler's.

/** What a problem says. https://www.rfc-editor.org/rfc/rfc9457#section-3.1 */
export interface Problem {
  /** Tells one kind of problem from another: the end of its `type`. */
  readonly type: ProblemType
  readonly status: 400 | 403 | 404 | 405 | 409 | 413 | 415 | 423 | 499 | 500 | 503
  /** The same for all problems of the type. */
  readonly title: string
  /** What is the matter with this request. */
  readonly detail?: string
  /** Whether it is any use to ask again soon. */
  readonly isTemporary?: boolean
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** More members. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** The ends of the types; what stands before them is `urn:fetchlock:problem:`. */
export type ProblemType =
  | "lock-busy"
  | "lock-lost"
  | "lock-unavailable"
  | "lock-not-held"
  | "client-gone"
  | "bad-request"
  | "forbidden"
  | "not-found"
  | "method-not-allowed"

/** A problem as a response has it: its body and headers. */
export function describeProblem({ type, status, title, detail, ...more }: Problem): {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
} {
  const { isTemporary = false, headers, members } = more
  const uri = `urn:fetchlock:problem:${type}`
  return {
    body: JSON.stringify({ type: uri, title, status, detail, ...members }),
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      // Seconds, at random: those who were refused together do not come back together.
      ...(isTemporary && { "Retry-After": String(1 + Math.floor(Math.random() * 5)) }),
      ...headers,
    },
  }
}

/** The problem as a response of its own. */
export function problemResponse(problem: Problem): Response {
  const { body, headers } = describeProblem(problem)
  return new Response(body, { status: problem.status, headers })
}
