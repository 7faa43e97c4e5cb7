/** The API key: from the address once (`#key=...`), then in this tab's storage, never in the history. */
const NAME = 'vitrine-key'

/** The key to use, or null. A link may contain one; where this tab has another key, the person is asked first, since anybody can send a link. */
export function takeKey() {
  const given = /^#key=(.+)$/.exec(location.hash)?.[1]
  if (given) {
    history.replaceState(null, '', location.pathname + location.search)
    const key = decoded(given).trim()
    const kept = sessionStorage.getItem(NAME)
    if (key && (!kept || kept === key || confirm(question(kept, key)))) sessionStorage.setItem(NAME, key)
  }
  return sessionStorage.getItem(NAME)
}

/** The key in use, or null. */
export function usedKey() {
  return sessionStorage.getItem(NAME)
}

export function keepKey(key) {
  sessionStorage.setItem(NAME, key)
}

export function forgetKey() {
  sessionStorage.clear()
}

/** Keys are recognized by their first 16 characters, as in the list of API keys. */
function question(kept, key) {
  return `This link brings another API key (${key.slice(0, 16)}…) than the one in use (${kept.slice(0, 16)}…). `
    + 'What you upload with it goes to whoever owns it. Use the key of the link from now on?'
}

function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch { // a stray percent sign
    return text
  }
}
