import { parseArgs } from 'node:util'
import { homeZone } from '../../config/home-zone.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { checkFields } from '../../http/request/json-body.ts'
import { holderText } from '../../locks/grants/holder.ts'
import { requestOf } from '../../locks/grants/routes.ts'
import { GrantBody, type GrantJson, RevocationBody } from '../../locks/grants/schema.ts'
import { GRANT_STATES, type GrantState } from '../../locks/grants/state.ts'
import {
  type Actions,
  type Command,
  type Options,
  UsageError,
  runAction,
} from '../command/command.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { byOptions } from './by-options.ts'
import { openingWords } from './home-time.ts'
import { importBookings } from './import.ts'
import { TERMS, askedBy } from './terms.ts'
import { ROLE_WORDS, holderNamed } from './who.ts'
import { explainAccess } from './why.ts'

const REVOKE = {
  why: { type: 'string', value: 'TEXT', summary: 'a note for admins and owners' },
} as const satisfies Options

const LIST = {
  who: { type: 'string', value: 'WHO', summary: `only grants of a person, or of ${ROLE_WORDS}` },
  lock: { type: 'string', value: 'LABEL', summary: 'only grants for this lock' },
  state: {
    type: 'string',
    value: GRANT_STATES.join('|'),
    summary: 'only grants in this state; now includes the time between their hours',
  },
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

const list: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  const { who, lock, json } = values
  const state = stateFrom(values.state)
  return withLocks(commandConfig(terminal), async (app) => {
    const holder = who === undefined ? undefined : holderText(await holderNamed(app, who))
    // Not merely without grants.
    if (lock !== undefined) await app.locks.locks.find(lock)
    const filter = { holder, lock, state }
    const found: GrantJson[] = []
    let cursor: string | undefined
    do {
      const page = await app.locks.grantReading.page(undefined, { filter, cursor, limit: 100 })
      found.push(...page.grants)
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    const lines = json
      ? found.map((grant) => JSON.stringify(grant))
      : listing([['ID', 'STATE', 'USED', 'GRANT'], ...found.map(row)], terminal)
    for (const line of lines) terminal.print(line)
  })
}

const row = ({ id, state, suspended_at, uses, used, words }: GrantJson): string[] => [
  id,
  suspended_at === null ? state : 'suspended',
  uses === null ? '' : `${used}/${uses}`,
  words,
]

const stateFrom = (word: string | undefined): GrantState | undefined => {
  const state = GRANT_STATES.find((known) => known === word)
  if (word !== undefined && !state)
    throw new UsageError(`--state must be ${GRANT_STATES.join(' or ')}`)
  return state
}

const ADD = {
  who: {
    type: 'string',
    value: 'WHO',
    required: true,
    summary: `who may open: the name of a person, or ${ROLE_WORDS}; a role includes those above it`,
  },
  lock: {
    type: 'string',
    multiple: true,
    value: 'LABEL',
    required: true,
    summary: 'label of a lock, or all for all locks, including later ones; repeatable',
  },
  ...TERMS,
} as const satisfies Options

const add: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: ADD })
  const { who, lock, key } = values
  if (who === undefined || lock === undefined)
    throw new UsageError('grant add needs --who and --lock')
  const asked = { ...askedBy(values), ...(key === undefined ? {} : { key }) }
  const locks = lock.includes('all') ? 'all' : lock
  const config = commandConfig(terminal)
  const zone = homeZone(config)
  return withLocks(config, async (app) => {
    const holder = await holderNamed(app, who)
    await byOptions(async () => {
      const body = checkFields({ holder, locks, ...asked }, GrantBody)
      const { isNew, grant } = await app.locks.grants.make(COMMAND_LINE, requestOf(body))
      const { id, words, occurs } = await app.locks.grantReading.show(undefined, grant)
      terminal.print(`${isNew ? 'Made ' : 'Known'}  ${id}`)
      terminal.print(`Grant  ${words}`)
      for (const opening of occurs) terminal.print(`Opens  ${openingWords(opening, zone)}`)
    })
  })
}

const revoke: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: REVOKE,
  })
  const [id, ...more] = positionals
  if (id === undefined || more.length > 0) throw new UsageError('grant revoke needs one ID')
  return withLocks(commandConfig(terminal), async (app) => {
    await byOptions(async () => {
      const { why = null } = checkFields(values, RevocationBody)
      await app.locks.grants.revoke(COMMAND_LINE, id, why)
    })
    terminal.print('Revoked')
  })
}

const CONFIRM = {
  all: { type: 'boolean', default: false, summary: 'all that are suspended' },
} as const satisfies Options

const confirm: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: CONFIRM,
  })
  if (positionals.length > 0 === values.all)
    throw new UsageError('grant confirm needs one ID or more, or --all')
  return withLocks(commandConfig(terminal), async ({ locks: { grantReading, suspensions } }) => {
    for (const id of positionals) await grantReading.find(undefined, id)
    const ids = values.all ? await suspensions.ids() : positionals
    for (const id of ids) await suspensions.confirm(COMMAND_LINE, id)
    terminal.print(`Confirmed ${ids.length}`)
  })
}

const ACTIONS: Actions = {
  list: { summary: 'list the grants, newest first', options: LIST, run: list },
  add: {
    summary: 'give a person or a role access to locks, and show the next openings',
    options: ADD,
    run: add,
  },
  why: explainAccess,
  revoke: { summary: 'revoke a grant for good', options: REVOKE, operands: ['ID'], run: revoke },
  confirm: {
    summary: 'let suspended grants open again, after a restore or once a host was erased',
    options: CONFIRM,
    operands: ['[ID...]'],
    run: confirm,
  },
  import: importBookings,
}

/** Lists, makes and revokes grants, also while the service runs. */
export const grant: Command = {
  summary: 'decide who may open which locks, and when',
  details:
    'Times are local time of the home (HOME_ZONE). All conditions of a grant must hold at once. A ' +
    'grant to a person lets them in if they are waiting.',
  actions: ACTIONS,
  examples: {
    'a cleaner':
      'secure-lock-server grant add --who eva --lock front-door --days tue,thu --from 09:00 --until 13:00 --holidays closed',
    'everybody, for good': 'secure-lock-server grant add --who members --lock all',
  },
  run: runAction('grant', ACTIONS),
}
