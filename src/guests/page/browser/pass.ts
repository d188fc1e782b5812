import { type Pass, call, unless } from './gateway/api.ts'
import { askForHelp } from './ask.ts'
import { doorCard } from './door.ts'
import { create, show, status } from './parts/elements.ts'
import { note } from './parts/note.ts'
import { doorNames, stateOf, terms, title } from './terms.ts'

/** Shows a pass that is tied to this phone, with a button for each door. `onEnd` is called if it is not valid any
 * more. */
export const showPass = (first: Pass, onEnd: () => void): void => {
  const said = status()
  const tell = note(said)
  const doors = create('div', 'doors')
  let details = terms(first)

  const update = (pass: Pass): void => {
    const state = stateOf(pass)
    said.hidden = true
    if (state) tell(state)
    doors.hidden = state !== undefined && !state.until
    const newer = terms(pass)
    details.replaceWith(newer)
    details = newer
  }
  const refresh = async (): Promise<void> => {
    try {
      const pass = await unless(401, call<Pass>('GET', 'pass'))
      if (pass) update(pass)
      else onEnd()
    } catch {
      // What is shown was true before.
    }
  }

  doors.append(...first.doors.map((door) => doorCard(door, first, () => void refresh())))
  document.title = doorNames(first)
  show(
    create('h1', '', title(first)),
    said,
    doors,
    create('p', 'quiet small', 'Press and hold, or press once and confirm.'),
    details,
    askForHelp(first),
  )
  update(first)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && doors.isConnected) void refresh()
  })
}
