import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import type { Delivery } from '../../../../domain/access.ts'
import type { AttemptAnswer } from '../../../../locks/decisions/schema.ts'
import type { Outcome } from '../../words/decision.ts'
import { api } from '../client.ts'

const POLL_MS = 700

/** A little longer than a controller has to answer. */
const POLLS_MAX = 46

/** Returns what has become of a permitted attempt at the lock: `first`, and then what the gateway hears. */
export const useOutcome = (label: string, attempt: string, first: Delivery): Outcome => {
  const [known, setKnown] = useState<Outcome & { readonly attempt: string }>({
    attempt,
    delivery: first,
  })
  useEffect(() => {
    if (first !== 'asked') return undefined
    const abort = new AbortController()
    const path = `/v1/locks/${encodeURIComponent(label)}/attempts/${attempt}`
    const follow = async (): Promise<void> => {
      let outcome: Outcome = { delivery: first }
      for (let polls = 0; polls < POLLS_MAX && isOpen(outcome); polls += 1) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        if (abort.signal.aborted) return
        try {
          outcome = await api.get<Static<typeof AttemptAnswer>>(path, { signal: abort.signal })
        } catch {
          // The next one may arrive.
          continue
        }
        setKnown({ ...outcome, attempt })
      }
      if (outcome.delivery === 'asked' && !abort.signal.aborted)
        setKnown({ delivery: 'unknown', attempt })
    }
    void follow()
    return () => abort.abort()
  }, [attempt])
  return known.attempt === attempt ? known : { delivery: first }
}

/** Whether more may be known later. A relay stays `accepted`, because it does not know about the door. */
const isOpen = ({ delivery, result = null }: Outcome): boolean =>
  result === null && (delivery === 'asked' || delivery === 'accepted')
