import { unlockAddress } from '../../routing/log-filter.ts'
import { Time } from '../../time/time.tsx'
import { type ToldUnlock, toldWords } from '../../words/repeats.ts'
import { type Unlock, happenedAt, lockName, whoOf } from '../../words/unlock.ts'

type Props = { readonly unlock: ToldUnlock }

/** A row of the log, which links to the page of the unlock. */
export const UnlockRow = ({ unlock }: Props) => (
  <a class="row unlock" id={`unlock-${unlock.seq}`} href={unlockAddress(unlock.id)}>
    <strong>{whoOf(unlock)}</strong>
    {unlock.method !== null && <span>{unlock.method}</span>}
    <span class="quiet">{lockName(unlock.lock)}</span>
    {unlock.result === 'denied' && <span class="badge stop">refused</span>}
    <UnlockBadges unlock={unlock} />
    {unlock.told > 1 && <span class="badge">{toldWords(unlock.told)}</span>}
    <Time at={happenedAt(unlock)} />
  </a>
)

/** Shows if an unlock was imported, was reported late or has an uncertain time. */
export const UnlockBadges = ({
  unlock: { late, source, time_uncertain },
}: {
  readonly unlock: Unlock
}) => (
  <>
    {source === 'imported' ? (
      <span class="badge">imported</span>
    ) : (
      late && <span class="badge warning">reported late</span>
    )}
    {time_uncertain && <span class="badge warning">time uncertain</span>}
  </>
)
