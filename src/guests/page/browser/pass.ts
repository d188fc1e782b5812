import { askForHelp } from './ask.ts'
import { doorCard } from './door.ts'
import { type Pass, call, unless } from './gateway/api.ts'
import { create, show } from './parts/elements.ts'
import { noteElement } from './parts/note.ts'
import { doorNames, stateOf, terms, title } from './terms.ts'

/** Shows a pass that is tied to this phone, with a button for each door. `onGone` is called once it is not valid any
 * more. */
export const showPass = (first: Pass, onGone: () => void): void => {
  const refresh = async (): Promise<void> => {
    try {
      const pass = await unless([401], call<Pass>('GET', 'pass'))
      if (pass) update(pass)
      else onGone()
    } catch {
      // What is shown was true before.
    }
  }
  const state = noteElement(() => void refresh())
  const cards = first.doors.map((door) => doorCard(door, first, () => void refresh()))
  const doors = create('div', 'doors', ...cards)
  let details = terms(first)

  const update = (pass: Pass): void => {
    const closed = stateOf(pass)
    if (closed) state.tell(closed)
    else state.clear()
    // Before it opens, a door may be tried: the gateway knows best.
    doors.hidden = closed?.until === null
    const newer = terms(pass)
    details.replaceWith(newer)
    details = newer
  }

  document.title = doorNames(first)
  show(create('h1', '', title(first)), state.element, doors, details, askForHelp(first))
  update(first)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && doors.isConnected) void refresh()
  })
}
