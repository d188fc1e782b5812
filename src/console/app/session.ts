import { computed, signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { SetupBody } from '../../accounts/registration/schema.ts'
import type { LoginBody } from '../../accounts/login/schema.ts'
import type { AccountAnswer } from '../../accounts/people/schema.ts'
import type { CookieAnswer, CookieStateAnswer } from '../../accounts/sessions/schema.ts'
import type { Role } from '../../domain/account.ts'
import type { GatewayAnswer } from '../../ops/schema.ts'
import {
  ApiError,
  ENDED,
  api,
  renew,
  sessionIsOver,
  sessionLasts,
  signedOutBecause,
} from './api.ts'

export type Me = Static<typeof AccountAnswer>
type Gateway = Static<typeof GatewayAnswer>
type Person = { readonly me: Me; readonly gateway: Gateway }

const person = signal<Person | undefined>(undefined)

/** Whether it is known yet who is here. */
export const isStarting = signal(true)

/** Whose page this is; nothing where nobody is signed in. */
export const me = computed(() => person.value?.me)
export const gateway = computed(() => person.value?.gateway)

/** An owner or admin may do no more than a member until they have a second factor. */
export const isHeldBack = computed(
  () =>
    gateway.value?.second_factor === 'required' &&
    me.value?.role !== 'member' &&
    me.value?.second_factor === false,
)

/** What this person may do now. */
export const role = computed<Role>(() =>
  isHeldBack.value ? 'member' : (me.value?.role ?? 'member'),
)

/** Reads again who is here, as after a change of one's own account. */
export const readPerson = async (): Promise<void> => {
  const [own, about] = await Promise.all([api.get<Me>('/v1/me'), api.get<Gateway>('/v1/gateway')])
  person.value = { me: own, gateway: about }
}

/** Finds out whether this browser is signed in. */
export const begin = async (): Promise<void> => {
  const session = await api.get<Static<typeof CookieStateAnswer>>('/v1/session/cookie')
  if (session.state === 'signed_in') sessionLasts(session.expires_in)
  if (session.state === 'renewable')
    await renew().catch((error: unknown) => {
      if (!(error instanceof ApiError && error.status === 401)) throw error
    })
  if (session.state === 'none' || signedOutBecause.value) person.value = undefined
  else await readPerson()
  isStarting.value = false
}

/** Signs in; throws ApiError with the code `otp_required` after the right password. */
export const signIn = async (credentials: Static<typeof LoginBody>): Promise<void> => {
  await entered(await api.post('/v1/session/cookie', credentials))
}

/** Makes the first owner and signs them in. */
export const setUpOwner = async (owner: Static<typeof SetupBody>): Promise<void> => {
  await entered(await api.post('/v1/setup/cookie', owner))
}

const entered = async (answer: Static<typeof CookieAnswer>): Promise<void> => {
  signedOutBecause.value = undefined
  sessionLasts(answer.expires_in)
  await readPerson()
}

export const signOut = async (): Promise<void> => {
  await api.post('/v1/session/logout')
  leave('You are signed out.')
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is of one origin
  tabs.postMessage('signed out')
}

/** Shows that nobody is signed in any more, and why. */
export const leave = (because: string): void => {
  sessionIsOver(because)
  person.value = undefined
}

// A session that ended while it was used, found out by the API.
signedOutBecause.subscribe((because) => {
  if (because !== undefined) person.value = undefined
})

const tabs = new BroadcastChannel('secure-lock-session')
tabs.addEventListener('message', () => {
  if (person.value) leave(ENDED)
})
