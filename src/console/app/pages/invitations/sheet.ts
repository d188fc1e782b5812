import { effect, signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { InvitationAnswer } from '../../../../accounts/invitations/schema.ts'
import { me } from '../../api/session.ts'

export type Created = Static<typeof InvitationAnswer>

/** The address of the page for many invitations. */
export const MANY = '/console/invitations/many'

/** The invitations of a sheet that is not put away yet: their codes exist nowhere else, so another page
 * of the console does not lose them. */
export const sheet = signal<readonly Created[] | undefined>(undefined)

/** Whether the sheet was printed, or saved, since it was created. */
export const isPrinted = signal(false)

const ask = (event: BeforeUnloadEvent): void => {
  event.preventDefault()
  // Chrome before 119 asks only if this is set.
  event.returnValue = true
}

effect(() => {
  if (!sheet.value || isPrinted.value) return undefined
  const note = (): void => {
    isPrinted.value = true
  }
  addEventListener('beforeunload', ask)
  addEventListener('afterprint', note)
  return () => {
    removeEventListener('beforeunload', ask)
    removeEventListener('afterprint', note)
  }
})

effect(() => {
  if (!sheet.value) isPrinted.value = false
})

me.subscribe((own) => {
  if (!own) sheet.value = undefined
})
