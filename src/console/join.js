// Creates the first owner with a setup code, or registers with or without an invitation. The code
// comes in the fragment of the link, which browsers do not send, and is removed from the address.
const form = document.querySelector('form')
const button = form.querySelector('button')
const details = form.querySelector('fieldset')
const message = document.querySelector('#message')

const codes = new URLSearchParams(location.hash.slice(1))
history.replaceState(null, '', location.pathname)

const setup = codes.get('setup')
const invitation = codes.get('invitation')
const isOwner = setup !== null || (invitation === null && (await isOwnerNeeded()))

form.elements.code.value = setup ?? invitation ?? ''
form.elements.code.required = isOwner
details.hidden = isOwner
details.disabled = isOwner
if (isOwner) {
  document.querySelector('h1').textContent = 'Create the owner'
  document.querySelector('#purpose').textContent =
    'This gateway has no owner yet. Enter the setup code that it printed when it started.'
  document.querySelector('#code-label').textContent = 'Setup code'
  button.textContent = 'Create the owner'
}
form.hidden = false

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})

async function send() {
  button.disabled = true
  message.textContent = ''
  try {
    await (isOwner ? post('/v1/setup/cookie', fields()) : register(fields()))
    form.hidden = true
    const isWaiting = !isOwner && form.elements.code.value === ''
    message.textContent =
      `Welcome, ${form.elements.username.value}! Now log in with the app.` +
      (isWaiting ? ' An owner or admin still has to let you in.' : '')
    document.querySelector('#next').hidden = !isOwner || !(await isLoggedIn())
  } catch (error) {
    message.textContent = error.message
  }
  button.disabled = false
}

function fields() {
  const { code, email, ...person } = Object.fromEntries(new FormData(form))
  return { ...person, ...(code && { code }), ...(email && { email }) }
}

const register = ({ code, ...person }) =>
  post('/register', { ...person, ...(code && { invitation: code }) })

/** False if the gateway does not say: the form is shown all the same. */
async function isOwnerNeeded() {
  const answer = await fetch('/v1/setup').catch(() => undefined)
  return answer?.ok === true && (await answer.json()).needed
}

/** Whether this browser kept the cookies of the new session. */
async function isLoggedIn() {
  const answer = await fetch('/v1/session/cookie').catch(() => undefined)
  return answer?.ok === true && (await answer.json()).state !== 'none'
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error('The gateway does not answer. Please try again.')
  })
  // What answers instead of the gateway, such as a proxy, may send no JSON.
  const { msg, detail, error, ...rest } = await answer.json().catch(() => ({}))
  if (!answer.ok)
    throw new Error(messageFor(msg ?? detail ?? error ?? `The gateway answered ${answer.status}.`))
  return rest
}

/** Apps explain this error in their own words; this page has to as well. */
const messageFor = (error) =>
  error === 'Weak password'
    ? 'This password is too easy to guess: too short, too common, or too similar to the name.'
    : error
