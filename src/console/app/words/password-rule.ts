import { capital } from './capital.ts'
import { sentence } from './format.ts'

/** What a new password needs, as this gateway is set up; the page has it in its head. */
const rule = document.querySelector<HTMLMetaElement>('meta[name="password-rule"]')?.content ?? ''

/** What a new password needs, to say beforehand. */
export const PASSWORD_RULE = sentence(capital(rule))

/** What the gateway says about a weak password, where the phone app's contract cuts it short. */
export const WEAK_PASSWORD = sentence(`Weak password: ${rule}`)
