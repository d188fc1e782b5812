import { type Pass, call, errorWords, NoConnection, unless } from './gateway/api.ts'
import { loadKey } from './gateway/device-key.ts'
import { button, create, show } from './parts/elements.ts'
import { noteElement } from './parts/note.ts'
import { showInvitation } from './invitation.ts'
import { showPass } from './pass.ts'

/** The code of the link. It leaves the address bar at once, and is known only to this page until a phone is bound. */
let code: string | undefined

const takeCode = (): void => {
  const found = /^#pass=([\w-]+)$/.exec(location.hash)?.[1]
  if (location.hash !== '') history.replaceState(null, '', location.pathname)
  if (found !== undefined) code = found
}

/** Shows the pass of this phone, or what a link offers. */
const start = async (): Promise<void> => {
  clearTimeout(retry)
  try {
    const own = await unless([401], call<Pass>('GET', 'pass'))
    const offered =
      code === undefined
        ? undefined
        : await unless([400, 404], call<Pass>('POST', 'look', { code }))
    fault = undefined
    if (own && (!offered || isSame(own, offered))) {
      code = undefined
      await loadKey()
      showPass(own, () => void start())
    } else if (offered && code !== undefined) showInvitation(offered, code, bound)
    else showNothing()
  } catch (error) {
    showError(error)
  }
}

/** Goes on with the pass of this phone. */
const bound = (): Promise<void> => {
  code = undefined
  return start()
}

/** Whether a link leads to the pass that this phone has already: people open their link again and again. */
const isSame = (own: Pass, offered: Pass): boolean => {
  const [one, other] = [own, offered].map(({ host, label, doors, words, starts_at, ends_at }) =>
    JSON.stringify([host, label, doors, words, starts_at, ends_at]),
  )
  return one === other
}

const showNothing = (): void => {
  const isLink = code !== undefined
  show(
    create('h1', '', isLink ? 'This link no longer works' : 'No pass on this phone'),
    create(
      'p',
      '',
      isLink
        ? 'The pass has ended, or there is a new link. Ask the person who sent it to you.'
        : 'Open your link in the browser in which you first used it. It must allow cookies.',
    ),
  )
}

const RETRY_MS = 5000
let retry: ReturnType<typeof setTimeout> | undefined
/** What is shown instead of a pass. */
let fault: string | undefined

const showError = (error: unknown): void => {
  if (error instanceof NoConnection) retry = setTimeout(() => void start(), RETRY_MS)
  const words = errorWords(error)
  // It is read out once.
  if (fault === words) return
  fault = words
  const said = noteElement()
  show(create('h1', '', 'Guest pass'), said.element, button('Try again', start))
  said.tell({ words, tone: 'bad' })
}

addEventListener('hashchange', () => {
  takeCode()
  void start()
})
// A browser that goes back shows the page as it was.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) void start()
})
takeCode()
show(create('h1', '', 'Guest pass'))
void start()
