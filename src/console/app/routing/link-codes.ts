import { signal } from '@preact/signals'

/** What a link carries behind `#`, which browsers do not send: a code, and whom it is for. */
export type LinkCodes = {
  readonly setup: string
  readonly invitation: string
  readonly reset: string
  readonly name: string
}

const NONE: LinkCodes = { setup: '', invitation: '', reset: '', name: '' }

/** The codes of the link that opened this page, or of one that was opened in this tab since. */
export const linkCodes = signal<LinkCodes>(NONE)

/** Takes the codes from the address, now and whenever another link is opened in this tab. */
export const watchLinkCodes = (): void => {
  takeCodes()
  window.addEventListener('hashchange', takeCodes)
}

/** Any other fragment stays: it is the name of an element. */
const takeCodes = (): void => {
  const given = new URLSearchParams(location.hash.slice(1))
  const codes = { ...NONE, ...Object.fromEntries(given) }
  if (codes.setup === '' && codes.invitation === '' && codes.reset === '') return
  history.replaceState(null, '', location.pathname)
  linkCodes.value = codes
}
