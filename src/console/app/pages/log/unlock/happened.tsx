import { Time } from '../../../time/time.tsx'
import { counted } from '../../../words/format.ts'
import { type Unlock, clockOwner, isByGateway } from '../../../words/unlock.ts'
import { Fact } from './fact.tsx'

type Props = { readonly unlock: Unlock }

/** When it happened, and by whose clock. */
export const Happened = ({ unlock }: Props) => {
  const { occurred_at: at, happened_at, delay_ms: delayMs, late, doubted, source } = unlock
  // What the gateway saw itself happened when it was received.
  if (isByGateway(unlock)) return null
  const whose = clockOwner(unlock)
  if (at === null)
    return <Fact term="Happened">Not stated by the {whose === 'lock' ? 'lock' : 'app'}</Fact>
  if (source === 'imported')
    return (
      <Fact term="Happened">
        <Time at={at} format="exact" />
        <span class="hint">By the legacy server’s clock.</span>
      </Fact>
    )
  if (doubted)
    return (
      <Fact term="Happened">
        <Time at={happened_at} format="exact" />
        <span class="hint">
          When the gateway received it. The {whose}’s clock said <Time at={at} format="exact" />,{' '}
          {delayWords(delayMs ?? 0)}, which is not plausible.
        </span>
      </Fact>
    )
  return (
    <Fact term="Happened">
      <Time at={at} format="exact" />
      <span class="hint">
        By the {whose}’s clock, {delayWords(delayMs ?? 0)}.
        {late && ` Reported late, for example by a ${whose} without a network.`}
      </span>
    </Fact>
  )
}

const delayWords = (delayMs: number): string => {
  if (delayMs < 0) return `at least ${largestUnit(-delayMs)} after the gateway received it`
  return delayMs < 1000
    ? 'less than a second before the gateway received it'
    : `${largestUnit(delayMs)} before the gateway received it`
}

const UNITS = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
] as const

/** A length of time in the largest unit that fits. */
const largestUnit = (ms: number): string => {
  const [unitMs, unit] = UNITS.find(([size]) => ms >= size) ?? UNITS[3]
  return counted(Math.floor(ms / unitMs), unit)
}
