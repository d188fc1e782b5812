import { tokenError } from '../http/errors.ts'
import type { Endpoints } from '../http/endpoints.ts'
import type { ReadBody } from '../http/json-body.ts'
import { message, operation } from '../http/operation.ts'
import { UnlockBody } from './schema.ts'
import type { UnlockStore } from './store.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly unlocks: Pick<UnlockStore, 'append'>
}

/** Recording unlocks, as the phone app does it. */
export const unlockRoutes = ({ endpoints, readBody, unlocks }: Dependencies) =>
  endpoints.group('unlock').post(
    '/logUnlocking',
    async ({ request, caller: { account } }) => {
      if (!account) throw tokenError()
      const body = await readBody(request, UnlockBody)
      await unlocks.append({
        accountPublicId: account.publicId,
        username: account.username,
        method: body['unlocking-method'],
      })
      return { msg: 'Unlocking process logged successfully' }
    },
    LOG_UNLOCKING,
  )

const LOG_UNLOCKING = operation({
  access: 'member',
  tag: 'Unlocks',
  summary: 'Record an unlock',
  description: 'Answered only after the unlock is committed to disk.',
  body: UnlockBody,
  answers: {
    200: message('The unlock is on disk', 'Unlocking process logged successfully'),
    400: message(
      'The body or the field cannot be taken',
      'Invalid JSON format',
      'Missing unlocking-method',
      'Invalid unlocking-method',
    ),
    503: message('The disk does not take it now; nothing was written', 'The disk is full'),
  },
})
