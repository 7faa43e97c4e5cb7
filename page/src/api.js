/** An error answer of the server, with its sentence. */
export class Refused extends Error {
  constructor(status, sentence, retryAfter) {
    super(sentence)
    this.status = status
    this.retryAfter = retryAfter // seconds; 0: not given
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  constructor() {
    super('The server cannot be reached. Trying again …')
  }
}

/** The API of this page's origin, with one key. `get(path, query)` returns the JSON, or throws Refused or Unreachable. */
export function api(key) {
  return async function get(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value != null && value !== '')
    const url = given.length ? `${path}?${new URLSearchParams(given)}` : path
    let answer
    try {
      answer = await fetch(url, { headers: { 'x-api-key': key, accept: 'application/json' }, credentials: 'omit', cache: 'no-store' })
    } catch {
      throw new Unreachable()
    }
    const body = await answer.json().catch(() => ({}))
    if (answer.ok) return body
    const sentence = body.error ?? body.message ?? `The server answered ${answer.status}.`
    throw new Refused(answer.status, body.requestId ? `${sentence} (request ${body.requestId})` : sentence, Number(answer.headers.get('retry-after')) || 0)
  }
}
