import type { Message } from '../../domain/home-event.ts'

const TYPES = {
  unlocked: 'unlock.recorded',
  denied: 'access.denied',
  'guest.opened': 'guest.opened',
  'guest.problem': 'guest.problem',
  'controller.silent': 'controller.silent',
  'controller.alarm': 'controller.alarm',
  'log.problem': 'log.problem',
  'account.waiting': 'account.waiting',
  digest: 'digest',
  test: 'test',
} as const satisfies Readonly<Record<Message['about']['event'], string>>

/** Returns the body of a webhook request: type, timestamp and data. */
export const webhookBody = ({ about, createdAtMs }: Message): string =>
  JSON.stringify({
    type: TYPES[about.event],
    timestamp: 'unlock' in about ? about.unlock.received_at : timeOf(createdAtMs),
    data: dataOf(about),
  })

const dataOf = (about: Message['about']): Readonly<Record<string, unknown>> => {
  switch (about.event) {
    case 'unlocked':
    case 'denied':
    case 'guest.opened':
      return about.unlock
    case 'guest.problem':
    case 'controller.silent':
    case 'controller.alarm':
    case 'log.problem':
      return { says: about.says }
    case 'account.waiting':
      return { count: about.count }
    case 'digest': {
      const { event: _, fromMs, toMs, ...counts } = about
      return { ...counts, from: timeOf(fromMs), to: timeOf(toMs) }
    }
    case 'test':
      break
  }
  return {}
}

const timeOf = (ms: number): string => new Date(ms).toISOString()
