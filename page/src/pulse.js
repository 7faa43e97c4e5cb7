const BUSY = 1000 // milliseconds between two looks while something is under way
const IDLE = 60_000 // at most, while nothing is

/**
 * Calls `look` once a second while it answers true, ever more rarely while it answers false, and not at all while nobody sees the page.
 * A look that throws is told to `trouble`, whose answer is how many milliseconds to wait (null: no more looks).
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
