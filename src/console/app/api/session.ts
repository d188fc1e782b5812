import { computed, signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { AccountAnswer } from '../../../accounts/people/schema.ts'
import type { LoginBody } from '../../../accounts/login/schema.ts'
import type {
  SettingsAnswer,
  SetupAnswer,
  SetupBody,
} from '../../../accounts/registration/schema.ts'
import type { CookieAnswer, CookieStateAnswer } from '../../../accounts/sessions/schema.ts'
import type { Role } from '../../../domain/account.ts'
import type { GatewayAnswer } from '../../../ops/schema.ts'
import {
  ApiError,
  CookiesBlocked,
  SESSION_ENDED,
  api,
  endSession,
  extendSession,
  logoutReason,
  renew,
} from './client.ts'

export type Me = Static<typeof AccountAnswer>
type Gateway = Static<typeof GatewayAnswer>
type Settings = Static<typeof SettingsAnswer>
export type FirstRunStep = Settings['first_run']

const current = signal<{ readonly me: Me; readonly gateway: Gateway } | undefined>(undefined)

/** Whether it is not known yet if somebody is logged in. */
export const isStarting = signal(true)

/** The account that is logged in, or undefined if none is. */
export const me = computed(() => current.value?.me)
export const gateway = computed(() => current.value?.gateway)

/** The settings that the console changes; undefined unless an owner is logged in. */
export const settings = signal<Settings | undefined>(undefined)

/** Whether this gateway has no owner yet. */
export const isOwnerNeeded = signal(false)

/** Whether an owner or admin has only the rights of a member until they set up a second factor. */
export const needsSecondFactor = computed(
  () =>
    gateway.value?.second_factor === 'required' &&
    me.value?.role !== 'member' &&
    me.value?.second_factor === false,
)

/** The role whose rights the account has now. */
export const role = computed<Role>(() =>
  needsSecondFactor.value ? 'member' : (me.value?.role ?? 'member'),
)

/** Reloads the logged-in account, for example after a change to it. */
export const reloadMe = async (): Promise<void> => {
  const [own, about] = await Promise.all([api.get<Me>('/v1/me'), api.get<Gateway>('/v1/gateway')])
  const isFullOwner =
    own.role === 'owner' && (own.second_factor || about.second_factor === 'optional')
  settings.value = isFullOwner ? await api.get<Settings>('/v1/settings') : undefined
  current.value = { me: own, gateway: about }
}

/** Finds out whether there is an owner and whether this browser is logged in, and resumes its session
 * if so. */
export const resumeSession = async (): Promise<void> => {
  const [session, setup] = await Promise.all([
    api.get<Static<typeof CookieStateAnswer>>('/v1/session/cookie'),
    // Without this answer, the pages for logging in and registering still work.
    api.get<Static<typeof SetupAnswer>>('/v1/setup').catch(() => undefined),
  ])
  isOwnerNeeded.value = setup?.needed ?? isOwnerNeeded.value
  if (session.state === 'signed_in') extendSession(session.expires_in)
  if (session.state === 'renewable')
    await renew().catch((error: unknown) => {
      if (!isUnauthorized(error)) throw error
    })
  if (session.state === 'none' || logoutReason.value) current.value = undefined
  else await reloadMe()
  isStarting.value = false
}

/** Logs in. Throws ApiError with the code `otp_required` if the password is right but the account
 * has a second factor. */
export const logIn = async (credentials: Static<typeof LoginBody>): Promise<void> => {
  await loggedIn(await api.post('/v1/session/cookie', credentials))
}

/** Creates the first owner and logs them in. */
export const setUpOwner = async (owner: Static<typeof SetupBody>): Promise<void> => {
  await loggedIn(await api.post('/v1/setup/cookie', owner))
  isOwnerNeeded.value = false
}

const loggedIn = async (answer: Static<typeof CookieAnswer>): Promise<void> => {
  logoutReason.value = undefined
  try {
    await reloadMe()
  } catch (error) {
    throw isUnauthorized(error) ? new CookiesBlocked() : error
  }
  extendSession(answer.expires_in)
}

const isUnauthorized = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 401

export const logOut = async (): Promise<void> => {
  await api.post('/v1/session/logout')
  leave('You are logged out.')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  tabs?.postMessage('logged out')
}

/** Shows the login page, with the reason. */
export const leave = (reason: string): void => {
  endSession(reason)
  current.value = undefined
}

// The API refuses a session that was ended elsewhere.
logoutReason.subscribe((reason) => {
  if (reason !== undefined) current.value = undefined
})

/** The other tabs of this browser, or undefined where it has no channel to them: there, the next
 * request finds out. */
const tabs = openChannel('secure-lock-session')
tabs?.addEventListener('message', () => {
  if (current.value) leave(SESSION_ENDED)
})

function openChannel(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name)
  } catch {
    return undefined // Firefox refuses it where cookies are blocked.
  }
}

// A browser that goes back shows the page as it was, even if the person has logged out since.
window.addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return
  current.value = undefined
  isStarting.value = true
  location.reload()
})
