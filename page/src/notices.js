const list = document.querySelector('#notices')

/** Show a sentence until it is dismissed. A sentence with the same `about` replaces the one before; null removes it. */
export function say(sentence, { about = sentence } = {}) {
  const before = [...list.children].find((item) => item.dataset.about === about)
  if (before && (sentence === null || before.firstChild.textContent !== sentence)) before.remove()
  else if (before) return
  if (sentence === null) return

  const item = document.createElement('li')
  const text = document.createElement('span')
  const dismiss = document.createElement('button')
  item.dataset.about = about
  text.textContent = sentence
  dismiss.type = 'button'
  dismiss.textContent = 'Dismiss'
  dismiss.setAttribute('aria-label', `Dismiss: ${sentence}`)
  dismiss.addEventListener('click', () => item.remove())
  item.append(text, dismiss)
  list.append(item)
}

export function silence() {
  list.replaceChildren()
}
