import { ApiError, ConnectionLost } from './api.ts'

/** Something went wrong that is told beside a field already. */
export class ToldBesideField extends Error {}

/** What went wrong, for a person, with what to do about it. */
export const wordsOf = (error: unknown): string => {
  if (error instanceof ToldBesideField) return ''
  if (error instanceof ConnectionLost)
    return 'The gateway does not answer. Is this device in the home’s network? The page tries again by itself.'
  if (!(error instanceof ApiError)) return 'Something went wrong in this page. Load it again.'
  const { status, code, message } = error
  if (status === 429) return `Too many requests from here. Try again ${soon(error)}.`
  if (status === 503) return `${sentence(message)} Try again ${soon(error)}.`
  if (code === 'second_factor_required')
    return 'Your role needs a second factor first: set one up under Myself.'
  if (status >= 500)
    return `Something went wrong in the gateway. Its log has the cause, under the request ${error.requestId ?? 'at this time'}.`
  return sentence(message)
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

const soon = ({ retryAfterSeconds: seconds }: ApiError): string => {
  if (seconds === undefined) return 'in a moment'
  return `in ${duration(seconds)}`
}

/** A length of time in whole words, rounded up: nobody shall come back too early. */
export const duration = (seconds: number): string => {
  if (seconds < 90) return counted(Math.ceil(seconds), 'second')
  const minutes = Math.ceil(seconds / 60)
  return minutes < 90 ? counted(minutes, 'minute') : counted(Math.ceil(minutes / 60), 'hour')
}

/** `1 unlock`, `2 unlocks`, with the thousands told apart. */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString(LOCALE)} ${noun}${count === 1 ? '' : 's'}`

/** English as this browser's person writes it. */
export const LOCALE = navigator.languages.find((one) => one.startsWith('en')) ?? 'en-GB'
