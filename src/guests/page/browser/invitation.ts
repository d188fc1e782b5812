import { type Pass, Refusal, call, errorWords } from './gateway/api.ts'
import { toldWords } from './ask.ts'
import { keepKey, newKey } from './gateway/device-key.ts'
import { button, create, show, status } from './parts/elements.ts'
import { inApp, ownBrowser } from './parts/in-app.ts'
import { type Note, note } from './parts/note.ts'
import { doorNames, stateOf, terms, title } from './terms.ts'

/** Shows what a link offers. Looking changes nothing; a button ties the pass to this phone. */
export const showInvitation = (pass: Pass, code: string, onBound: () => Promise<void>): void => {
  const said = status()
  const tell = note(said)
  const bind = async (): Promise<void> => {
    try {
      await call('POST', 'bind', { code, ...(await newKey()) })
      await keepKey()
      await onBound()
    } catch (error) {
      tell(bindFault(error, pass))
    }
  }
  const { count, max } = pass.bound
  const state = stateOf(pass)
  show(
    create('h1', '', title(pass)),
    create('p', '', doorNames(pass)),
    terms(pass),
    state && create('p', 'note bad', state.words),
    ...appWarning(code),
    button('Use on this phone', bind, 'main big'),
    said,
    create('p', 'quiet small', `In use on ${count} of ${max} ${max === 1 ? 'phone' : 'phones'}.`),
    isSecureContext ? undefined : create('p', 'quiet small', NOT_ENCRYPTED),
  )
}

const NOT_ENCRYPTED = 'Not encrypted: anyone on this Wi-Fi could copy this pass.'

/** The gateway tells the host of each phone too many. */
const bindFault = (error: unknown, pass: Pass): Note => ({
  tone: 'bad',
  words:
    error instanceof Refusal && error.code === 'another_device'
      ? `This pass is in use on another phone. ${toldWords(pass)}`
      : errorWords(error),
})

/** What a browser within another app stores cannot be used elsewhere. */
const appWarning = (code: string): readonly HTMLElement[] => {
  const app = inApp(navigator.userAgent)
  if (app === undefined) return []
  const browser = ownBrowser(navigator.userAgent)
  const link = `${location.origin}${location.pathname}#pass=${code}`
  const copied = status()
  const tell = note(copied)
  const copy = button('Copy link', async () =>
    tell({ words: (await copyText(link)) ? `Copied. Paste it into ${browser}.` : link }),
  )
  return [
    create(
      'div',
      'note',
      `This page is open inside ${app}. If you use the pass here, its link will not work elsewhere. ` +
        `Open it in ${browser} instead.`,
      create('div', 'buttons', copy),
      copied,
    ),
  ]
}

/** Browsers copy only from pages that came encrypted, and not within every app. */
const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
