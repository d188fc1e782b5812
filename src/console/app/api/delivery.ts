import type { Static } from '@sinclair/typebox'
import { useEffect, useState } from 'preact/hooks'
import type { Delivery } from '../../../domain/access.ts'
import type { AttemptAnswer } from '../../../locks/decisions/schema.ts'
import { api } from './client.ts'

const POLL_MS = 700

/** A little longer than a lock has to answer. */
const POLLS_MAX = 25

/** Returns what has become of a permitted attempt at the lock: `first`, and then what the gateway hears. */
export const useDelivery = (label: string, attempt: string, first: Delivery): Delivery => {
  const [known, setKnown] = useState({ attempt, delivery: first })
  useEffect(() => {
    if (first !== 'asked') return undefined
    const abort = new AbortController()
    const path = `/v1/locks/${encodeURIComponent(label)}/attempts/${attempt}`
    const follow = async (): Promise<void> => {
      let delivery: Delivery = first
      for (let polls = 0; polls < POLLS_MAX && isOpen(delivery); polls += 1) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
        if (abort.signal.aborted) return
        try {
          const answer = await api.get<Static<typeof AttemptAnswer>>(path, { signal: abort.signal })
          delivery = answer.delivery
        } catch {
          // The next one may arrive.
          continue
        }
        setKnown({ attempt, delivery })
      }
      if (delivery === 'asked' && !abort.signal.aborted) setKnown({ attempt, delivery: 'unknown' })
    }
    void follow()
    return () => abort.abort()
  }, [attempt])
  return known.attempt === attempt ? known.delivery : first
}

/** Whether more may be known later. A relay stays `accepted`, because it does not know about the door. */
const isOpen = (delivery: Delivery): boolean => delivery === 'asked' || delivery === 'accepted'
