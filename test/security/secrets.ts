// What must not be told: looks for the tokens of locks and databases in everything that a value says of itself.
import { expect } from "vitest"
import { everythingSaidBy } from "../support/outcomes.js"

/** A REST token that nothing else looks like. */
export const REST_SECRET = "rest-s3cret-0123456789"

/** `fl_`, whose it is, and 24 random characters, or as many of them as make it a secret. */
const LOCK_TOKEN = /fl_[\w-]{8,}/

/** Fails where the text has a token of a lock or of the database in it. */
export function expectNoSecret(text: string, where: string): void {
  expect(LOCK_TOKEN.exec(text)?.[0], where).toBeUndefined()
  expect(text.includes(REST_SECRET), `the REST token in ${where}`).toBe(false)
}

/** Fails where logging the value in any of the usual ways would tell a token. */
export function expectTellsNoSecret(value: unknown, where: string): void {
  expectNoSecret(everythingSaidBy(value), where)
}
