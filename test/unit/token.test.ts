// Tokens: unguessable, and not to be mistaken for anything else.
import { expect, onTestFinished, test, vi } from "vitest"
import { CLIENT_ID, createClientId, createToken, TOKEN } from "../../src/token.js"

const tokens = Array.from({ length: 2_000 }, () => createToken(createClientId()))

test("tokens are url-safe, never end in the mark of a queue, and are recognised as tokens", () => {
  for (const token of tokens) {
    expect(token).toMatch(/^fl_[A-Za-z0-9_-]{12}_[A-Za-z0-9_-]{24}$/)
    expect(encodeURIComponent(token)).toBe(token)
    expect(token).toMatch(TOKEN)
  }
})

test("a token is never valid JSON, which a client would parse", () => {
  for (const token of tokens) expect(() => JSON.parse(token) as unknown).toThrow(SyntaxError)
})

test("no two tokens and no two client ids are the same", () => {
  expect(new Set(tokens).size).toBe(tokens.length)
  expect(new Set(tokens.map((token) => token.slice(3, 15))).size).toBe(tokens.length)
})

test("each token takes random bytes of its own: what is kept would be the same in copies of a snapshot", () => {
  const random = vi.spyOn(crypto, "getRandomValues")
  onTestFinished(() => {
    random.mockRestore()
  })
  for (let i = 0; i < 3; i++) createToken("client")
  expect(random.mock.calls.map(([array]) => array.byteLength)).toEqual([18, 18, 18])
})

test("a client id that was made is one that may be given", () => {
  for (let i = 0; i < 100; i++) expect(createClientId()).toMatch(CLIENT_ID)
})
