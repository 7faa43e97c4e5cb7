import { Refused, Unreachable } from './api.js'
import { say } from './notices.js'
import { pulse } from './pulse.js'
import { tile } from './tile.js'

const PAGE = 48 // items per request
const ASKED_AT_ONCE = 4 // uploads whose status is requested one by one in each call
const ENDED = { rejected: 'was refused', failed: 'could not be processed', aborted: 'was cancelled', expired: 'took too long' }

const main = document.querySelector('#library')
const lists = { folder: document.querySelector('#folders'), file: document.querySelector('#files') }
const more = document.querySelector('#more')
const empty = document.querySelector('#empty')
const state = document.querySelector('#state')
const trail = document.querySelector('#trail')

/** The contents of a folder, kept up to date, and the status of new uploads. `expelled` is called when the key is not accepted. */
export function library(get, { expelled }) {
  let place = null // {path, collection}: an ltree path, and the collection it lies in
  let items = [] // as listed: newest first
  let folders = [] // all of this level, wherever they are in the listing
  let cursor = null
  let tiles = new Map()
  const names = new Map() // id -> name, of the folders on the way
  const landed = kept('vitrine-landed') // uploads whose bytes have landed: key or media id -> name
  const heart = pulse(look, trouble)
  const ended = new AbortController()

  /** Show another folder. */
  async function go(to, collectionName) {
    const moved = place !== null
    place = to
    names.set(to.collection, collectionName)
    items = []
    folders = []
    cursor = null
    tiles = new Map()
    for (const list of Object.values(lists)) list.replaceChildren()
    empty.hidden = true
    more.hidden = true
    main.setAttribute('aria-busy', 'true')
    heart.now()
    await breadcrumbs(to, moved)
  }

  async function browse(at, query) {
    return get(`/api/dataset/${at.collection}/media`, { path: at.path === at.collection ? null : at.path, ...query })
  }

  /** Request the first page, and the uploads that it does not show. True while something is in progress. */
  async function look() {
    if (!place) return false
    const at = place
    const first = main.getAttribute('aria-busy') === 'true'
    const [page, level] = await Promise.all([browse(at, { limit: PAGE }), first ? browse(at, { limit: 500, type: 'folder' }) : null])
    if (at !== place) return place !== null
    if (level) folders = level.media
    merge(page)
    await follow()
    if (at !== place) return place !== null
    render(page.pagination.total)
    main.setAttribute('aria-busy', 'false')
    say(null, { about: 'connection' })
    return landed.size > 0 || items.some(pending)
  }

  /** Replace the first page. The items below it stay if the two lists overlap. */
  function merge(page) {
    const fresh = page.media
    const there = new Set(fresh.map((item) => item.id))
    const joined = items.some((item) => there.has(item.id))
    if (!page.pagination.hasMore || !joined) {
      items = fresh
      cursor = page.pagination.nextCursor
      return
    }
    const last = fresh[fresh.length - 1].createdAt
    items = [...fresh, ...items.filter((item) => !there.has(item.id) && item.createdAt <= last)]
  }

  /** Request the status of the uploads, and of pending items below the first page. */
  async function follow() {
    for (const item of items) {
      if (pending(item) || !landed.delete(item.id)) continue
      if (item.processing?.state === 'failed') tell(item.id, item.name, item.processing)
    }
    const asked = [...landed.entries()].slice(0, ASKED_AT_ONCE)
    await Promise.all(asked.map(([id, name]) => ask(id, name)))
    const below = items.slice(PAGE).filter(pending).slice(0, ASKED_AT_ONCE)
    const seen = await Promise.all(below.map((item) => get(`/api/media/${item.id}`).then((answer) => answer.media, () => item)))
    items = items.map((item) => seen.find((other) => other.id === item.id) ?? item)
  }

  async function ask(id, name) {
    landed.delete(id) // moved to the end unless it is done, so that all are requested in turn
    let status
    try {
      status = id.includes('/') ? await get('/api/upload', { key: id }) : await get(`/api/upload/${id}`)
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) landed.set(id, name)
      if (error instanceof Refused && error.status === 404) return
      throw error
    }
    if (status.state === 'ready') return
    if (status.state in ENDED) tell(status.mediaId, name, status)
    else landed.set(status.mediaId, name)
  }

  function tell(id, name, { state, reason }) {
    say(`${name} ${ENDED[state]}${reason ? `: ${reason}` : '.'}`, { about: id })
  }

  function render(total) {
    const all = [...new Map([...folders, ...items].map((item) => [item.id, item])).values()]
    const byKind = { folder: all.filter(isFolder).sort((a, b) => a.name.localeCompare(b.name)), file: all.filter((item) => !isFolder(item)) }
    const wanted = new Set(all.map((item) => item.id))
    for (const [id, one] of tiles) {
      if (!wanted.has(id)) {
        one.element.remove()
        tiles.delete(id)
      }
    }
    for (const [kind, list] of Object.entries(lists)) {
      byKind[kind].forEach((item, position) => {
        const known = tiles.get(item.id)
        const one = known ?? tile(item, heart.now)
        if (known) known.show(item)
        else tiles.set(item.id, one)
        if (list.children[position] !== one.element) list.insertBefore(one.element, list.children[position] ?? null)
      })
      list.hidden = byKind[kind].length === 0
    }
    for (const item of byKind.folder) names.set(item.id, item.name)
    empty.hidden = all.length > 0
    more.hidden = cursor === null
    const waiting = items.filter(pending).length
    const count = Math.max(total, all.length)
    const words = `${count === 1 ? '1 item' : `${count} items`}${waiting ? `, ${waiting} being processed` : ''}`
    if (state.textContent !== words) state.textContent = words // a screen reader reads only what is new
  }

  more.addEventListener('click', async () => {
    const at = place
    const had = items.length
    more.disabled = true
    try {
      const page = await browse(at, { limit: PAGE, cursor })
      if (at !== place) return
      const there = new Set(items.map((item) => item.id))
      items = [...items, ...page.media.filter((item) => !there.has(item.id))]
      cursor = page.pagination.nextCursor
      render(page.pagination.total)
      tiles.get(items[had]?.id)?.element.querySelector('a').focus()
    } catch (error) {
      trouble(error)
    } finally {
      more.disabled = false
    }
  }, { signal: ended.signal })

  /** The folders from the collection to here. The name of a folder that was not shown before is requested. */
  async function breadcrumbs(at, moved) {
    const ids = at.path.split('.')
    await Promise.all(ids.filter((id) => !names.has(id)).map(async (id) => {
      const found = await get(`/api/media/${id}`).catch(() => null)
      names.set(id, found?.media.name ?? '…')
    }))
    if (at !== place) return
    const steps = ids.map((id, depth) => {
      const step = document.createElement(depth === ids.length - 1 ? 'h1' : 'a')
      step.textContent = names.get(id)
      if (step.href !== undefined) step.href = `#/${ids.slice(0, depth + 1).join('.')}`
      return step
    })
    trail.replaceChildren(...steps)
    if (moved && document.activeElement === document.body) { // the focused element is gone: the new heading gets the focus
      steps[steps.length - 1].tabIndex = -1
      steps[steps.length - 1].focus()
    }
    document.title = `${names.get(ids[ids.length - 1])} – Vitrine`
  }

  function trouble(error) {
    if (error instanceof Refused && error.status === 401) {
      expelled()
      return null
    }
    if (error instanceof Refused && [403, 404].includes(error.status)) {
      say(error.message, { about: 'place' })
      main.setAttribute('aria-busy', 'false')
      return 60_000
    }
    if (error instanceof Unreachable || error instanceof Refused) {
      say(error.message, { about: 'connection' })
      return error.retryAfter ? error.retryAfter * 1000 : 2000
    }
    throw error
  }

  return {
    go,
    get place() { return place },
    /** The bytes of an upload are in the store: `id` is its media id, or its key where the id is unknown. */
    landed(id, name) {
      landed.set(id, name)
      heart.now()
    },
    /** Stop, and show nothing any more. */
    stop() {
      heart.stop()
      ended.abort()
      place = null
      for (const list of [lists.folder, lists.file, trail]) list.replaceChildren()
    },
  }
}

const isFolder = (item) => item.type === 'folder'
const pending = (item) => item.processing?.state === 'pending'

/** A map that survives a reload of this tab. */
function kept(name) {
  const map = new Map(JSON.parse(sessionStorage.getItem(name) ?? '[]'))
  const keep = () => sessionStorage.setItem(name, JSON.stringify([...map]))
  return {
    get size() { return map.size },
    entries: () => map.entries(),
    set(key, value) {
      map.set(key, value)
      keep()
    },
    delete(key) {
      const was = map.delete(key)
      if (was) keep()
      return was
    },
  }
}
