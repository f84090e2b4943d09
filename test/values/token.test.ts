// Tokens: unguessable, and not to be mistaken for anything else.
import { expect, onTestFinished, test, vi } from "vitest"
import {
  CLIENT_ID,
  createChannel,
  createClientId,
  createToken,
  TOKEN,
  withoutTokens,
} from "../../src/values/token.js"

const tokens = Array.from({ length: 2_000 }, () => createToken(createClientId()))

test("tokens are URL-safe, never end in the mark of a queue, and are recognized as tokens", () => {
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

test("each token uses fresh random bytes: stored ones would repeat in copies of a snapshot", () => {
  const random = vi.spyOn(crypto, "getRandomValues")
  onTestFinished(() => {
    random.mockRestore()
  })
  for (let i = 0; i < 3; i++) createToken("client")
  expect(random.mock.calls.map(([array]) => array.byteLength)).toEqual([18, 18, 18])
})

test("a generated client id is a valid client id", () => {
  for (let i = 0; i < 100; i++) expect(createClientId()).toMatch(CLIENT_ID)
})

test("text that only begins or ends like a token is not a token", () => {
  for (const text of ["fl_", "xfl_a_b", " fl_a_b", "fl_a_b+", "fl_a_b\n", "fl_a b", "FL_a_b", ""]) {
    expect(text).not.toMatch(TOKEN)
  }
})

test("a client id has up to 64 characters that need no escape anywhere", () => {
  for (const id of ["a", "Az09_-", "x".repeat(64)]) expect(id).toMatch(CLIENT_ID)
  for (const id of ["", "x".repeat(65), "a b", "a/b", " a", "a ", "é"]) {
    expect(id).not.toMatch(CLIENT_ID)
  }
})

test("a channel is as hard to guess as a token, and needs no escape", () => {
  const channels = Array.from({ length: 100 }, createChannel)
  for (const channel of channels) expect(channel).toMatch(/^fetchlock-[A-Za-z0-9_-]{24}$/)
  expect(new Set(channels).size).toBe(channels.length)
})

test("every token in a text is removed, and nothing else", () => {
  const text = `SET lock:a ${createToken("me")} NX; DEL ${createToken("a-b_c")}.`
  expect(withoutTokens(text)).toBe("SET lock:a fl_… NX; DEL fl_….")
  expect(withoutTokens("flat fl fl_")).toBe("flat fl fl_")
})
