// Waits for no more answers than decide the question.

/** The answers so far, each at its place; undefined where there is none yet. */
export type Known<A> = readonly (A | undefined)[]

/**
 * Settles as soon as `decide` has a result, which it must have when all answers are known. Answers that come later are
 * not waited for; what they reject with after that is dropped, since whoever cleans up looks at them again.
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
