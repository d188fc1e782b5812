// Creates the first owner with a setup code, or registers a person with or without an invitation. The
// code comes in the fragment of the link, which no browser sends, and is removed from the address at once.
const form = document.querySelector('form')
const button = form.querySelector('button')
const details = form.querySelector('fieldset')
const result = document.querySelector('#result')

const codes = new URLSearchParams(location.hash.slice(1))
history.replaceState(null, '', location.pathname)

const setup = codes.get('setup')
const invitation = codes.get('invitation')
const isOwner = setup !== null || (invitation === null && (await isOwnerNeeded()))

form.elements.code.value = setup ?? invitation ?? ''
form.elements.code.required = isOwner
details.hidden = isOwner
details.disabled = isOwner
if (isOwner)
  document.querySelector('#why').textContent =
    'This gateway has no owner yet. Enter the setup code that it printed when it started.'
form.hidden = false

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})

async function send() {
  button.disabled = true
  result.textContent = ''
  try {
    await (isOwner ? post('/v1/setup/cookie', fields()) : register(fields()))
    form.hidden = true
    result.textContent = `Welcome, ${form.elements.username.value}. You can now log in with the app.`
    document.querySelector('#next').hidden = !isOwner
  } catch (error) {
    result.textContent = error.message
  }
  button.disabled = false
}

function fields() {
  const { code, email, ...person } = Object.fromEntries(new FormData(form))
  return { ...person, ...(code && { code }), ...(email && { email }) }
}

const register = ({ code, ...person }) =>
  post('/register', { ...person, ...(code && { invitation: code }) })

async function isOwnerNeeded() {
  const answer = await fetch('/v1/setup')
  return answer.ok && (await answer.json()).needed
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch(() => {
    throw new Error('The gateway does not answer. Try again.')
  })
  const { msg, detail, error, ...rest } = await answer.json()
  if (!answer.ok) throw new Error(explained(msg ?? detail ?? error))
  return rest
}

/** The app explains this error in its own words; this page has to do it itself. */
const explained = (fault) =>
  fault === 'Weak password'
    ? 'Weak password: too short, too common, or too similar to the name'
    : fault
