// Emulates conditions of other runtimes on Node, so that they are tested wherever the tests run.
// The bundle uses timers by other names, so that those of Node's own fetch are not replaced.

/** The names of the timers in the bundle. */
export const OWN_TIMERS = {
  setTimeout: "globalThis.ownSetTimeout",
  clearTimeout: "globalThis.ownClearTimeout",
}

/** Timers are numbers, without `unref`, as in browsers and Workers. */
function numericTimers(): void {
  const timers = new Map<number, ReturnType<typeof setTimeout>>()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  let last = 0
  const numbered = (callback: () => void, ms?: number) => {
    const id = ++last
    timers.set(id, set(callback, ms))
    return id
  }
  Object.assign(globalThis, {
    ownSetTimeout: numbered,
    ownClearTimeout: (id: number) => {
      clear(timers.get(id))
    },
  })
}

/** Clocks stand still until a timer fires or a request is answered, as in Workers. */
function standingClock(): void {
  const { setTimeout: set, fetch: send } = globalThis
  const clocks = [Date, performance].map((clock) => {
    const real = clock.now.bind(clock)
    let shown = real()
    clock.now = () => shown
    return () => {
      shown = real()
    }
  })
  const tick = () => {
    for (const move of clocks) move()
  }
  Object.assign(globalThis, {
    ownClearTimeout: globalThis.clearTimeout,
    ownSetTimeout: (callback: () => void, ms?: number) =>
      set(() => {
        tick()
        callback()
      }, ms),
    fetch: async (...args: Parameters<typeof fetch>) => {
      const response = await send(...args)
      tick()
      return response
    },
  })
}

export const conditions = {
  "timers are numbers": numericTimers,
  "the clock stands still": standingClock,
}
