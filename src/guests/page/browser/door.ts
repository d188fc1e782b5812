import { doorWords } from '../../../domain/text/door-words.ts'
import { guestOutcome, guestRefusal } from '../../../domain/text/guest-words.ts'
import { type Answered, askToOpen, follow } from './gateway/attempt.ts'
import { type Attempt, type Door, type Pass, errorWords, houseNowMs } from './gateway/api.ts'
import { replaceKey } from './gateway/device-key.ts'
import { button, create, setBusy, status } from './parts/elements.ts'
import { holdButton } from './parts/hold.ts'
import { note } from './parts/note.ts'
import { ago, clock, coming } from './parts/times.ts'

/** An attempt that was asked before this is not told as if it were now: the bolt has moved back. */
const OLD_MS = 15_000

/** How long it is said that the door is open. */
const OPEN_MS = 15_000

/** Creates the card of a door, with its button. `onDecided` is called after the gateway has decided. */
export const doorCard = (door: Door, pass: Pass, onDecided: () => void): HTMLElement => {
  const said = status()
  const tell = note(said)
  const theDoor = doorWords(door.lock, door.name)
  const answered = create('div', '', said)

  const open = async (): Promise<void> => {
    setBusy(hold, true)
    tell({ words: 'Opening…' })
    try {
      const decision = await askToOpen(door)
      onDecided()
      if (decision.ageMs > OLD_MS) tell({ words: `That was ${ago(decision.ageMs)}. Press again.` })
      else if (decision.decision === 'denied') await tellRefusal(decision)
      else await follow(decision, tellOutcome)
    } catch (error) {
      tell({ words: errorWords(error), tone: 'bad' })
    }
    setBusy(hold, false)
  }

  const tellRefusal = async ({ reason, next_at: nextAt }: Answered): Promise<void> => {
    // The browser has lost its key, or the count of what it signed.
    if (reason === 'bad_signature' || reason === 'replayed') {
      await replaceKey()
      return tell({ words: 'This phone has a new key now. Press again.' })
    }
    const opens = nextAt && coming(nextAt, houseNowMs(), pass.home_zone)
    const words = guestRefusal(reason ?? 'no_grant', { host: pass.host, opens })
    return tell({ words, tone: 'bad', until: nextAt })
  }

  const tellOutcome = (news: Attempt): void => {
    const words = guestOutcome(news, pass)
    const isOpen = news.result === 'released' || news.result === 'unlocked'
    const isBad = news.result === 'failed' || news.result === 'unheard'
    tell({ words, tone: isOpen ? 'good' : isBad ? 'bad' : undefined })
    if (!isOpen) return
    const at = clock(houseNowMs(), pass.home_zone)
    setTimeout(() => {
      if (said.textContent === words) tell({ words: `Opened ${at}.` })
    }, OPEN_MS)
  }

  const hold = holdButton({
    name: door.name,
    onHeld: () => void open(),
    onPressed: () => {
      hold.replaceWith(question)
      yes.focus()
    },
  })
  const backToButton = (): void => {
    question.replaceWith(hold)
    hold.focus()
  }
  const yes = button(
    'Open',
    () => {
      backToButton()
      void open()
    },
    'main',
  )
  const question = confirmation(`Open ${theDoor}?`, yes, button('Not now', backToButton))

  return create('section', 'sheet', create('h2', '', door.name), hold, answered)
}

const confirmation = (words: string, ...buttons: readonly HTMLElement[]): HTMLElement => {
  const text = create('p', '', words)
  text.id = `ask-${words}`
  const group = create('div', 'sheet ask', text, create('div', 'buttons', ...buttons))
  group.setAttribute('role', 'group')
  for (const each of [group, ...buttons]) each.setAttribute('aria-describedby', text.id)
  return group
}
