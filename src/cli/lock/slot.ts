import { parseArgs } from 'node:util'
import { homeZone } from '../../config/home-zone.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { SlotName, isSlot, slotJson } from '../../drivers/slots/schema.ts'
import { acceptedBy } from '../../http/request/accepted.ts'
import { type Action, type Options, UsageError } from '../command/command.ts'
import { namesOf, personNamed } from '../command/person.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { timeFrom } from '../grant/home-time.ts'
import { lockSetups } from './setups.ts'

const SLOT = {
  starts: {
    type: 'string',
    value: 'TIME',
    summary: 'from when it is theirs, such as 2027-03-31T15:00; now by default',
  },
  ends: { type: 'string', value: 'TIME', summary: 'until when; no end by default' },
  remove: { type: 'boolean', default: false, summary: 'end the assignment of the slot' },
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

/** Lists and sets who a lock’s codes, fingers, cards and phones belong to. */
export const slot: Action = {
  summary: 'list who a lock’s codes, fingers, cards and phones belong to, or assign one',
  options: SLOT,
  operands: ['LABEL', '[SLOT]', '[USERNAME]'],
  run: async (args, terminal) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: SLOT,
    })
    const [label, name, username, ...more] = positionals
    const isChange = name !== undefined
    if (
      label === undefined ||
      more.length > 0 ||
      values.remove !== (isChange && username === undefined)
    )
      throw new UsageError(
        'lock slot needs a LABEL; and a SLOT and a USERNAME, or --remove, to change one',
      )
    if (isChange && !isSlot(name)) throw new UsageError(`SLOT must be ${acceptedBy(SlotName)}`)
    const config = commandConfig(terminal)
    const zone = homeZone(config)
    const timeOf = (option: 'starts' | 'ends'): number | undefined => {
      const text = values[option]
      if (text === undefined) return undefined
      const ms = timeFrom(text, zone)
      if (ms === undefined)
        throw new UsageError(`--${option} must be a time such as 2027-03-31T15:00`)
      return ms
    }
    const [validFromMs, endsMs] = [timeOf('starts'), timeOf('ends')]
    return withLocks(config, async (app) => {
      const { slots } = lockSetups(app)
      if (name === undefined) {
        const all = await slots.all(label)
        const nameOf = await namesOf(
          app,
          all.map(({ accountPublicId }) => accountPublicId),
        )
        const lines = values.json
          ? all.map((one) => JSON.stringify(slotJson(one)))
          : listing(
              [
                HEADINGS,
                ...all
                  .map(slotJson)
                  .map((one) => [
                    one.slot,
                    one.valid_from,
                    one.valid_to ?? '',
                    nameOf(one.account),
                  ]),
              ],
              terminal,
            )
        for (const line of lines) terminal.print(line)
      } else if (username === undefined) {
        await slots.remove(COMMAND_LINE, label, name)
        terminal.print(`Slot ${name} of ${label} belongs to nobody`)
      } else {
        const accountPublicId = await personNamed(app, username)
        await slots.put(COMMAND_LINE, label, {
          slot: name,
          accountPublicId,
          validFromMs,
          validToMs: endsMs ?? null,
        })
        terminal.print(`Slot ${name} of ${label} is ${username}’s`)
      }
    })
  },
}

const HEADINGS = ['SLOT', 'SINCE', 'UNTIL', 'USERNAME']
