import { thumbHashToDataURL } from './uppy.js'

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** A size in bytes, for a person. */
export function size(bytes) {
  let step = 0
  let shown = bytes
  while (shown >= 999.5 && step < UNITS.length - 1) {
    shown /= 1000
    step += 1
  }
  return `${shown >= 100 || step === 0 ? Math.round(shown) : shown.toFixed(1)} ${UNITS[step]}`
}

const WORDS = { pending: 'Processing …', ready: 'Ready', failed: 'Could not be shown' }

/** A list item of the grid. `show(item)` updates it and touches only what changed, so that a loaded picture stays. */
export function tile(item, lost) {
  const element = document.createElement('li')
  const link = document.createElement('a')
  const picture = document.createElement('span')
  const name = document.createElement('span')
  const line = document.createElement('span')
  element.className = item.type === 'folder' ? 'tile folder' : 'tile'
  element.dataset.id = item.id
  picture.className = 'picture'
  name.className = 'name'
  line.className = 'line'
  link.append(picture, name, line)
  element.append(link)

  function show(item) {
    name.textContent = item.name
    link.title = item.name
    if (item.type === 'folder') {
      link.href = `#/${item.path}`
      line.textContent = 'Folder'
      return
    }
    const { state, reason } = item.processing
    element.dataset.state = state
    line.textContent = state === 'failed' && reason ? `${size(item.sizeBytes)} · ${WORDS.failed}: ${reason}` : `${size(item.sizeBytes)} · ${WORDS[state]}`
    if (item.blob) {
      link.href = item.blob
      link.target = '_blank'
      link.rel = 'noopener'
    } else {
      link.removeAttribute('href') // there is no picture yet
    }
    const frame = item.frames[0]
    if (frame) image(frame.thumbnailBlob, item)
  }

  /** Presigned URLs change with each answer; the picture behind one path does not. */
  function image(url, item) {
    const shown = picture.querySelector('img')
    if (shown && !shown.dataset.lost && new URL(shown.src).pathname === new URL(url).pathname) return
    const fresh = new Image()
    fresh.alt = item.metadata?.alt ?? ''
    fresh.decoding = 'async'
    fresh.loading = 'lazy'
    if (item.placeholder) picture.style.backgroundImage = `url(${blurred(item.placeholder)})`
    fresh.addEventListener('load', () => { picture.style.backgroundImage = '' })
    fresh.addEventListener('error', () => {
      if (!fresh.dataset.lost) lost() // the URL has expired: the next answer has another one
      fresh.dataset.lost = 'yes'
    })
    fresh.src = url
    picture.replaceChildren(fresh)
  }

  show(item)
  return { element, show }
}

function blurred(placeholder) {
  return thumbHashToDataURL(Uint8Array.from(atob(placeholder), (letter) => letter.charCodeAt(0)))
}
