import type { Static } from '@sinclair/typebox'
import type { Delivery } from '../../../../../domain/access.ts'
import type { ListAnswer } from '../../../../../unlocks/query/schema.ts'
import { api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { useLoad } from '../../../api/load.ts'
import { useReloadOn } from '../../../api/refresh.ts'
import { Time } from '../../../time/time.tsx'
import { whoOf } from '../../../words/unlock.ts'

type Props = { readonly door: Door; readonly refresh: number }

/** The outcome of the last time that the gateway asked the lock to open. */
export const LastOperation = ({ door: { label }, refresh }: Props) => {
  const { data, reload } = useLoad(`operation ${label}`, (signal) =>
    api.get<Static<typeof ListAnswer>>('/v1/unlocks', {
      query: { lock: label, result: 'permitted', limit: 1 },
      signal,
    }),
  )
  useReloadOn(refresh, reload)
  const last = data?.unlocks[0]
  const end = last?.delivery && ENDS[last.delivery]
  if (!last || !end) return null
  return (
    <p class="quiet">
      Last asked <Time at={last.happened_at} /> for {whoOf(last)}: {end}.
    </p>
  )
}

/** Empty if the lock was not asked. */
const ENDS: Readonly<Record<Delivery, string>> = {
  no_controller: '',
  offline: 'it was offline',
  asked: 'no answer yet',
  accepted: 'it took the command',
  happened: 'it opened',
  failed: 'it did not open',
  unknown: 'it said nothing',
}
