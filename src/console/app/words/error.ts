import { ApiError, ConnectionLost, CookiesBlocked } from '../api/client.ts'
import { duration, sentence } from './format.ts'

/** What went wrong, in words for a person, and what to do about it. */
export const errorMessage = (error: unknown): string => {
  if (error instanceof ConnectionLost)
    return 'The gateway does not answer. Is this device on your home network? The page keeps trying.'
  if (error instanceof CookiesBlocked)
    return (
      'This browser blocks cookies, so you cannot stay logged in. Allow cookies for this ' +
      'address, and log in again.'
    )
  if (!(error instanceof ApiError)) return 'Something went wrong on this page. Please reload it.'
  const { status, code, message } = error
  if (status === 429) return `Too many requests. Try again ${retryTime(error)}.`
  if (status === 503) return `${sentence(message)} Try again ${retryTime(error)}.`
  if (code === 'second_factor_required')
    return 'Your role needs a second factor. Set one up under Myself.'
  if (status >= 500)
    return error.requestId
      ? `Something went wrong on the gateway. Its log has the details under request ${error.requestId}.`
      : 'Something went wrong on the gateway. Its log has the details.'
  return sentence(message)
}

const retryTime = ({ retryAfterSeconds: seconds }: ApiError): string =>
  seconds === undefined ? 'in a moment' : `in ${duration(seconds)}`
