// Searches the tokens of locks and databases in everything that a value prints.
import { expect } from "vitest"
import { everythingSaidBy } from "../support/outcomes.js"

/** A REST token that nothing else looks like. */
export const REST_SECRET = "rest-s3cret-0123456789"

/** `fl_`, the client, and 24 random characters, or as many of them as make it a secret. */
const LOCK_TOKEN = /fl_[\w-]{8,}/

/** Fails if the text contains a token of a lock or of the database. */
export function expectNoSecret(text: string, where: string): void {
  expect(LOCK_TOKEN.exec(text)?.[0], where).toBeUndefined()
  expect(text.includes(REST_SECRET), `the REST token in ${where}`).toBe(false)
}

/** Fails if logging the value in any of the usual ways would reveal a token. */
export function expectTellsNoSecret(value: unknown, where: string): void {
  expectNoSecret(everythingSaidBy(value), where)
}
