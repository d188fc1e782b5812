import { type Pass, Refusal, call, errorWords } from './gateway/api.ts'
import { keepKey, newKey } from './gateway/device-key.ts'
import { button, create, show } from './parts/elements.ts'
import { type Note, noteElement } from './parts/note.ts'
import { doorNames, stateOf, terms, title } from './terms.ts'

/** Shows what a link offers. Looking changes nothing; a button ties the pass to this phone. */
export const showInvitation = (pass: Pass, code: string, onBound: () => Promise<void>): void => {
  const answer = noteElement()
  const bind = async (): Promise<void> => {
    try {
      await call('POST', 'bind', { code, ...(await newKey()) })
      await keepKey()
      await onBound()
    } catch (error) {
      answer.tell(faultOf(error, pass))
    }
  }
  const state = noteElement()
  const closed = stateOf(pass)
  if (closed) state.tell(closed)
  show(
    create('h1', '', title(pass)),
    create('p', 'lead', doorNames(pass)),
    state.element,
    terms(pass),
    pass.in_app ? appWarning(code) : undefined,
    isSecureContext ? undefined : create('p', 'quiet small', NOT_ENCRYPTED),
    button('Use on this phone', bind, 'main'),
    answer.element,
    create('p', 'quiet small', phonesWords(pass.bound)),
  )
}

const phonesWords = ({ count, max }: Pass['bound']): string => {
  const phones = `${max} ${max === 1 ? 'phone' : 'phones'}`
  return count === 0 ? `It works on ${phones}.` : `In use on ${count} of ${phones}.`
}

const NOT_ENCRYPTED = 'Not encrypted: anyone on this Wi-Fi could copy this pass.'

/** The gateway tells the host of phones that are one too many. */
const faultOf = (error: unknown, pass: Pass): Note => {
  const code = error instanceof Refusal ? error.code : ''
  if (code === 'another_device') return { words: inUseElsewhere(pass), tone: 'bad' }
  return { words: errorWords(error), tone: 'bad' }
}

const inUseElsewhere = ({ host }: Pass): string =>
  `This pass is in use on another phone. ${host ?? 'The house'} has been told, and can allow one more.`

/** What a browser within an app stores cannot be used elsewhere. */
const appWarning = (code: string): HTMLElement => {
  const browser = /iPhone|iPad|iPod/.test(navigator.userAgent) ? 'Safari' : 'Chrome'
  const link = `${location.origin}${location.pathname}#pass=${code}`
  const copied = noteElement()
  const copy = button('Copy link', async () => {
    const isCopied = await copyText(link)
    copied.tell({ words: isCopied ? `Copied. Paste it into ${browser}.` : link })
  })
  return create(
    'div',
    'note app',
    create('p', '', 'This page is open inside another app. Used here, the pass works only here.'),
    create('p', '', `Better: copy the link, and open it in ${browser}.`),
    copy,
    copied.element,
  )
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
