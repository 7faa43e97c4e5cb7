const BUSY = 1000 // milliseconds between two calls while something is in progress
const IDLE = 60_000 // milliseconds at most, while nothing is in progress

/**
 * Calls `look` once a second while it returns true, ever more rarely while it returns false, and not while the page is hidden.
 * What `look` throws is passed to `trouble`, which returns the milliseconds to wait (null: never call again).
 */
export function pulse(look, trouble) {
  let delay = BUSY
  let timer
  let looking = false
  let again = false
  let stopped = false

  async function turn() {
    clearTimeout(timer)
    if (stopped || document.hidden) return
    if (looking) {
      again = true
      return
    }
    looking = true
    try {
      delay = (await look()) ? BUSY : Math.min(delay * 2, IDLE)
    } catch (error) {
      const wait = trouble(error)
      if (wait === null) stopped = true
      else delay = Math.max(wait, Math.min(delay * 2, IDLE))
    }
    looking = false
    if (again) delay = Math.min(delay, BUSY)
    again = false
    if (!stopped) timer = setTimeout(turn, delay)
  }

  function now() {
    delay = BUSY
    turn()
  }

  document.addEventListener('visibilitychange', now)
  return {
    now,
    stop() {
      stopped = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', now)
    },
  }
}
