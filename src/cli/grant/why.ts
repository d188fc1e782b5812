import { parseArgs } from 'node:util'
import { homeZone } from '../../config/home-zone.ts'
import { ROLE_NAMES, whyWords } from '../../domain/text/grant-words.ts'
import { accessJson } from '../../locks/decisions/schema.ts'
import { holderText } from '../../locks/grants/holder.ts'
import { type Action, type Command, type Options, UsageError } from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { timeFrom, wallTime } from './home-time.ts'
import { ROLE_WORDS, holderNamed } from './who.ts'

const WHY = {
  who: {
    type: 'string',
    value: 'WHO',
    required: true,
    summary: `whose access: a person, or ${ROLE_WORDS}`,
  },
  lock: { type: 'string', value: 'LABEL', required: true, summary: 'which lock' },
  at: { type: 'string', value: 'TIME', summary: 'when, such as 2027-03-31T15:00; by default, now' },
  json: { type: 'boolean', default: false, summary: 'one JSON object, as in the API' },
} as const satisfies Options

const run: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: WHY })
  const { who, lock: label } = values
  if (who === undefined || label === undefined)
    throw new UsageError('grant why needs --who and --lock')
  const config = commandConfig(terminal)
  const zone = homeZone(config)
  const atMs = values.at === undefined ? undefined : timeFrom(values.at, zone)
  if (values.at !== undefined && atMs === undefined)
    throw new UsageError('--at must be a time such as 2027-03-31T15:00')
  return withLocks(config, async (app) => {
    const holder = holderText(await holderNamed(app, who))
    const question = { by: undefined, label, holder, atMs }
    const answer = accessJson(await app.locks.decisions.access.explain(question))
    if (values.json) return terminal.print(JSON.stringify(answer))
    const { reason, next_at: nextAt, grants } = answer
    terminal.print(reason === null ? 'Opens' : `Stays shut: ${whyWords(reason)}`)
    if (nextAt !== null) terminal.print(`Next opening: ${wallTime(nextAt, zone).join(' ')}`)
    const rows = grants.map((grant) => [
      grant.id,
      `${grant.role === null ? who : ROLE_NAMES[grant.role]} · ${grant.words}`,
      grant.reason === null ? 'Opens.' : whyWords(grant.reason),
    ])
    for (const line of listing([['ID', 'GRANT', 'WHY'], ...rows], terminal)) terminal.print(line)
  })
}

export const explainAccess: Action = {
  summary: 'explain whether somebody may open a lock, why, and when; changes nothing',
  options: WHY,
  run,
}
