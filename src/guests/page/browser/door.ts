import { doorWords } from '../../../domain/text/door-words.ts'
import { guestOutcome, guestRefusal } from '../../../domain/text/guest-words.ts'
import { type Attempt, type Door, type Pass, errorWords, houseNowMs } from './gateway/api.ts'
import { type Answered, askToOpen, follow } from './gateway/attempt.ts'
import { replaceKey } from './gateway/device-key.ts'
import { button, create, setBusy } from './parts/elements.ts'
import { holdButton } from './parts/hold.ts'
import { type Note, noteElement } from './parts/note.ts'
import { ago, clock, coming } from './parts/times.ts'

/** The outcome of an older attempt is not shown as current: the bolt has moved back. */
const OLD_MS = 15_000

/** How long a door that was opened is said to be open. */
const OPEN_MS = 15_000

/** Creates the card of a door, with its button. `onDecided` is called after the gateway has decided, and
 * when it is known what became of it. */
export const doorCard = (door: Door, pass: Pass, onDecided: () => void): HTMLElement => {
  const answer = noteElement()
  /** Counts the presses, so that an earlier one says nothing more. */
  let pressed = 0

  const open = async (): Promise<void> => {
    pressed += 1
    const own = pressed
    const tell = (note: Note): void => {
      if (own === pressed) answer.tell(note)
    }
    setBusy(hold, true)
    tell({ words: 'Opening…' })
    try {
      const decision = await askToOpen(door)
      onDecided()
      if (decision.ageMs > OLD_MS) tell({ words: `That was ${ago(decision.ageMs)}. Press again.` })
      else if (decision.decision === 'denied') tell(await refusalNote(decision, pass))
      else {
        await follow(decision, (news) => {
          tellOutcome(news, tell)
          if (own === pressed) setBusy(hold, isOpening(news))
        })
        // A visit is given back if the door did not open.
        onDecided()
      }
    } catch (error) {
      tell({ words: errorWords(error), tone: 'bad' })
    }
    if (own === pressed) setBusy(hold, false)
  }

  const tellOutcome = (news: Attempt, tell: (note: Note) => void): void => {
    tell({ words: guestOutcome(news, pass), tone: toneOf(news) })
    if (toneOf(news) !== 'good') return
    const words = `Opened ${clock(houseNowMs(), pass.home_zone)}.`
    setTimeout(() => tell({ words }), OPEN_MS)
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
  const openNow = (): void => {
    backToButton()
    void open()
  }
  const yes = button('Open', openNow, 'main')
  const question = confirmation(
    `Open ${doorWords(door.lock, door.name)}?`,
    yes,
    button('Not now', backToButton),
  )
  const hint = create('p', 'quiet small', 'Press and hold, or press once and confirm.')
  hint.id = `hint-${door.lock}`
  hold.setAttribute('aria-describedby', hint.id)
  return create('section', 'sheet', create('h2', '', door.name), hold, answer.element, hint)
}

const confirmation = (words: string, ...buttons: readonly HTMLElement[]): HTMLElement => {
  const buttonRow = create('div', 'buttons', ...buttons)
  const group = create('div', 'question', create('p', 'lead', words), buttonRow)
  group.setAttribute('role', 'group')
  group.setAttribute('aria-label', words)
  return group
}

const refusalNote = async ({ reason, next_at: nextAt }: Answered, pass: Pass): Promise<Note> => {
  // The browser has lost its key, or the count of what it signed.
  if ((reason === 'bad_signature' || reason === 'replayed') && (await replaceKey()))
    return { words: 'This phone has a new key now. Press again.' }
  const opens = nextAt && coming(nextAt, houseNowMs(), pass.home_zone)
  const words = guestRefusal(reason ?? 'no_grant', { host: pass.host, opens })
  return { words, tone: 'bad', until: nextAt }
}

const isOpening = ({ delivery, result }: Attempt): boolean =>
  delivery === 'asked' && result === null

const toneOf = ({ delivery, result }: Attempt): Note['tone'] => {
  if (result === 'released' || result === 'unlocked' || delivery === 'happened') return 'good'
  const isBad = result !== null || !['asked', 'accepted'].includes(delivery)
  return isBad ? 'bad' : undefined
}
