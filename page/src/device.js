/** A person approves or denies a login at a device. Nothing is decided without a click. */
import './device.css'

const at = (id) => document.getElementById(id)
const PARTS = ['ask', 'enter', 'decide', 'done']

let login // the login that waits under the code: { user_code, status, clientId }

/** The server's answer: `ok`, `status`, and the JSON of its body. The browser sends the session cookie. */
async function asked(path, body) {
  const more = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  try {
    const answer = await fetch(path, { credentials: 'same-origin', cache: 'no-store', ...more })
    return { ok: answer.ok, status: answer.status, body: await answer.json().catch(() => ({})) }
  } catch {
    return { ok: false, status: 0, body: { message: 'The server cannot be reached. Try again.' } }
  }
}

function show(part, problem = '') {
  for (const each of PARTS) at(each).hidden = each !== part
  at('problem').hidden = !problem
  at('problem').textContent = problem
  at(part).querySelector('input')?.focus()
}

const sentence = ({ status, body }) => body.message ?? body.error ?? `The server answered ${status}.`

async function look(code) {
  const found = await asked(`/api/auth/device?${new URLSearchParams({ user_code: code })}`)
  if (!found.ok) return show('ask', sentence(found))
  login = found.body
  if (login.status !== 'pending') return show('ask', `This login was ${login.status} already.`)
  await decide()
}

/** Show the two buttons to a signed-in person, the sign-in form to others. */
async function decide() {
  const me = await asked('/api/me')
  if (me.status === 401) return show('enter')
  // A person without an organization is signed in too.
  if (!me.ok && me.body.code !== 'organization_required') return show('enter', sentence(me))
  at('client').textContent = login.clientId
  at('person').textContent = me.ok ? `${me.body.name} (${me.body.email})` : 'you'
  at('shown').textContent = login.user_code.replace(/^(.{4})(.{4})$/, '$1-$2')
  show('decide')
}

/** The form's buttons are disabled while a request is in progress, so that nothing is sent twice. */
function on(form, work) {
  at(form).addEventListener('submit', async (event) => {
    event.preventDefault()
    const buttons = at(form).querySelectorAll('button')
    for (const button of buttons) button.disabled = true
    await work(event.submitter?.value)
    for (const button of buttons) button.disabled = false
  })
}

on('ask', () => look(at('code').value))

on('enter', async () => {
  const entered = await asked('/api/auth/sign-in/email', { email: at('email').value, password: at('password').value })
  at('password').value = ''
  if (!entered.ok) return show('enter', sentence(entered))
  await decide()
})

on('decide', async (choice) => {
  const decided = await asked(choice === 'approve' ? '/api/auth/device/approve' : '/api/auth/device/deny', { userCode: login.user_code })
  if (decided.status === 401) return show('enter', 'You are signed in no more.')
  if (!decided.ok) return show(decided.status === 400 ? 'ask' : 'decide', sentence(decided))
  at('done').textContent = choice === 'approve' ? 'Approved. Your device signs in by itself; you may close this page.' : 'Denied. The device was not let in.'
  show('done')
})

at('other').addEventListener('click', () => show('enter'))

const given = new URLSearchParams(location.search).get('user_code')
if (given) {
  at('code').value = given
  await look(given)
} else {
  show('ask')
}
