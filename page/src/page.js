import './page.css'

import { api, Refused } from './api.js'
import { forgetKey, keepKey, takeKey, usedKey } from './key.js'
import { library } from './library.js'
import { say, silence } from './notices.js'
import { uploads } from './uploads.js'

const form = document.querySelector('#enter')
const field = document.querySelector('#key')
const main = document.querySelector('#library')
const who = document.querySelector('#who')
const chooser = document.querySelector('#collection')

let running = null // stopped when the key is removed

form.addEventListener('submit', (event) => {
  event.preventDefault()
  keepKey(field.value.trim())
  field.value = ''
  enter()
})

document.querySelector('#leave').addEventListener('click', () => {
  silence()
  leave()
})

// A file dropped beside the drop zone must not replace the page.
for (const kind of ['dragover', 'drop']) window.addEventListener(kind, (event) => event.preventDefault())

window.addEventListener('hashchange', () => {
  if (!location.hash.startsWith('#key=')) return
  const before = usedKey()
  if (takeKey() === before) return // the same key: what is shown and uploaded continues
  running?.stop()
  running = null
  enter()
})

await enter()

/** Show the library with the key in use. Without a key, or with one that is not accepted, show the form that asks for it. */
async function enter() {
  const key = takeKey()
  if (!key) return ask()
  const get = api(key)
  let me
  let collections
  try {
    me = await get('/api/me')
    collections = await get(`/api/organization/${me.organizationId}/datasets`)
  } catch (error) {
    say(error instanceof Refused && error.status === 401 ? 'This key is not accepted.' : error.message, { about: 'entrance' })
    if (error instanceof Refused && error.status === 401) forgetKey()
    return ask()
  }
  say(null, { about: 'entrance' })
  form.hidden = true
  main.hidden = false
  who.hidden = false
  document.querySelector('#organization').textContent = me.organizationName ?? ''
  chooser.replaceChildren(...collections.map((one) => new Option(one.name, one.id)))

  const shown = library(get, { expelled: () => { leave(); say('The key is no longer accepted.') } })
  const sent = uploads(get, { key, organization: me.organizationId, place: () => shown.place, landed: shown.landed })

  /** The address names the folder: `#/<collection>.<folder>...`; without one, the default collection. */
  function arrive() {
    if (location.hash.startsWith('#key=') || (location.hash && !location.hash.startsWith('#/'))) return
    const path = decodeURIComponent(location.hash.slice(2))
    const first = path.split('.')[0]
    const collection = collections.find((one) => one.id === first) ?? collections.find((one) => one.isDefault) ?? collections[0]
    chooser.value = collection.id
    shown.go({ collection: collection.id, path: collection.id === first ? path : collection.id }, collection.name)
  }
  const choose = () => { location.hash = `#/${chooser.value}` }

  window.addEventListener('hashchange', arrive)
  chooser.addEventListener('change', choose)
  running = {
    stop() {
      window.removeEventListener('hashchange', arrive)
      chooser.removeEventListener('change', choose)
      shown.stop()
      sent.stop()
    },
  }
  arrive()
}

function leave() {
  running?.stop()
  running = null
  forgetKey()
  document.title = 'Vitrine'
  history.replaceState(null, '', location.pathname)
  ask()
}

function ask() {
  form.hidden = false
  main.hidden = true
  who.hidden = true
  field.focus()
}
