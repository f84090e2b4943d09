// Waits until the replies of several databases suffice for a decision.

/** The replies so far, in the order of the databases; undefined where one is missing. */
export type Known<A> = readonly (A | undefined)[]

/**
 * Settles as soon as `decide` has a result, which it must have when all replies are known. Later replies are not waited
 * for, and their errors are dropped here, since the clean-up reads them again.
 */
export function untilDecided<A, R>(
  answers: readonly Promise<A>[],
  decide: (known: Known<A>) => R | undefined,
): Promise<R> {
  const known: (A | undefined)[] = answers.map(() => undefined)
  return new Promise((resolve, reject) => {
    let isDecided = false
    for (const [i, answer] of answers.entries()) {
      answer
        .then((value) => {
          if (isDecided) return
          known[i] = value
          const result = decide([...known])
          if (result === undefined) return
          isDecided = true
          resolve(result)
        })
        .catch(reject)
    }
  })
}
