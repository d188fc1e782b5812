// Makes the first owner with a setup code, or registers with or without an invitation. The code
// comes in the fragment of the link, which no browser sends, and leaves the address at once.
const form = document.querySelector('form')
const button = form.querySelector('button')
const details = form.querySelector('fieldset')
const told = document.querySelector('#told')

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
    'This gateway has no owner yet. The code is what it printed when it was started.'
form.hidden = false

form.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})

async function send() {
  button.disabled = true
  told.textContent = ''
  try {
    await (isOwner ? post('/v1/setup/cookie', fields()) : register(fields()))
    form.hidden = true
    told.textContent = `Welcome, ${form.elements.username.value}. Sign in with the app now.`
    document.querySelector('#next').hidden = !isOwner
  } catch (error) {
    told.textContent = error.message
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
    throw new Error('The gateway does not answer; try again')
  })
  const { msg, detail, error, ...rest } = await answer.json()
  if (!answer.ok) throw new Error(explained(msg ?? detail ?? error))
  return rest
}

/** An app says more of it in its own words; here nobody else does. */
const explained = (fault) =>
  fault === 'Weak password' ? 'Weak password: too short, often used, or close to the name' : fault
