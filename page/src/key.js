/** The API key: from the address once (`#key=...`), then in this tab's storage, never in the history. */
const NAME = 'vitrine-key'

export function takeKey() {
  const given = /^#key=(.+)$/.exec(location.hash)?.[1]
  if (given) {
    sessionStorage.setItem(NAME, decodeURIComponent(given).trim())
    history.replaceState(null, '', location.pathname + location.search)
  }
  return sessionStorage.getItem(NAME)
}

export function keepKey(key) {
  sessionStorage.setItem(NAME, key)
}

export function forgetKey() {
  sessionStorage.clear()
}
