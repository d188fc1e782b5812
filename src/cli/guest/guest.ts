import { parseArgs } from 'node:util'
import { Value } from '@sinclair/typebox/value'
import type { App } from '../../app.ts'
import { homeZone } from '../../config/home-zone.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { PASS_FILTERS, type PassFilter } from '../../guests/core/store.ts'
import { qrTerminal } from '../../http/page/qr.ts'
import { checkFields } from '../../http/request/json-body.ts'
import { requestOf } from '../../locks/grants/routes.ts'
import { DevicesMax, GrantBody, PassLabel, RevocationBody } from '../../locks/grants/schema.ts'
import {
  type Actions,
  type Command,
  type Options,
  type Terminal,
  UsageError,
  runAction,
} from '../command/command.ts'
import { requireConsent, requireTerminal } from '../command/consent.ts'
import { commandConfig } from '../command/running-service.ts'
import { listing } from '../command/table.ts'
import { withLocks } from '../command/with-app.ts'
import { byOptions } from '../grant/by-options.ts'
import { openingWords } from '../grant/home-time.ts'
import { TERMS, askedBy } from '../grant/terms.ts'

const ADD = {
  lock: {
    type: 'string',
    multiple: true,
    value: 'LABEL',
    required: true,
    summary: 'label of a lock, or all for all locks, including later ones; repeatable',
  },
  devices: {
    type: 'string',
    default: '2',
    value: 'COUNT',
    summary: 'how many phones may use the pass, up to 5',
  },
  ...TERMS,
} as const satisfies Options

const add: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: ADD,
  })
  const [label, ...more] = positionals
  const { lock, key, devices } = values
  if (label === undefined || more.length > 0 || lock === undefined)
    throw new UsageError('guest add needs one NAME, in quotation marks, and --lock')
  const pass = { label, devices_max: Number(devices) }
  if (!Value.Check(PassLabel, label)) throw new UsageError('NAME is too long, or empty')
  if (!Value.Check(DevicesMax, pass.devices_max))
    throw new UsageError('--devices must be a whole number from 1 to 5')
  const locks = lock.includes('all') ? 'all' : lock
  const asked = { ...askedBy(values), ...(key === undefined ? {} : { key }) }
  const config = commandConfig(terminal)
  return withLocks(config, ({ locks: { grants, grantReading } }) =>
    byOptions(async () => {
      const body = checkFields({ holder: { pass }, locks, ...asked }, GrantBody)
      const { isNew, grant, link } = await grants.make(COMMAND_LINE, requestOf(body))
      const { words, occurs } = await grantReading.show(undefined, grant)
      terminal.print(`${isNew ? 'Made ' : 'Known'}  ${grant.pass?.id ?? ''}`)
      terminal.print(`Pass   ${words}`)
      for (const opening of occurs)
        terminal.print(`Opens  ${openingWords(opening, homeZone(config))}`)
      if (link !== undefined) printLink(link, terminal)
    }),
  )
}

/** A link is shown once. */
const printLink = (link: string, { print, say, sayStyled, isShown }: Terminal): void => {
  print(`Link   ${link}`)
  say('Send it to the guest. It is not shown again')
  if (isShown) sayStyled(qrTerminal(link))
}

const LIST = {
  state: {
    type: 'string',
    value: PASS_FILTERS.join('|'),
    summary: 'only passes in this state; now includes the time between their hours',
  },
  json: { type: 'boolean', default: false, summary: 'one JSON object per line, as in the API' },
} as const satisfies Options

type PassJson = Awaited<ReturnType<App['guests']['hosts']['show']>>

const HEADINGS = ['ID', 'STATE', 'USED', 'HOST', 'PHONES', 'WANTS', 'PASS']

const list: Command['run'] = async (args, terminal) => {
  const { values } = parseArgs({ args: [...args], options: LIST })
  const state = stateFrom(values.state)
  return withLocks(commandConfig(terminal), async ({ guests: { hosts } }) => {
    const found: PassJson[] = []
    let cursor: string | undefined
    do {
      const { passes, next } = await hosts.page(undefined, { state, cursor, limit: 100 })
      found.push(...passes)
      cursor = next ?? undefined
    } while (cursor !== undefined)
    const lines = values.json
      ? found.map((pass) => JSON.stringify(pass))
      : listing([HEADINGS, ...found.map(row)], terminal)
    for (const line of lines) terminal.print(line)
  })
}

const stateFrom = (word: string | undefined): PassFilter | undefined => {
  const state = PASS_FILTERS.find((known) => known === word)
  if (word !== undefined && !state)
    throw new UsageError(`--state must be ${PASS_FILTERS.join(' or ')}`)
  return state
}

const row = (pass: PassJson): string[] => [
  pass.id,
  pass.state,
  pass.grant.uses === null ? '' : `${pass.grant.used}/${pass.grant.uses}`,
  pass.host?.name ?? '',
  `${pass.devices.filter(({ removed_at: removed }) => removed === null).length}/${pass.devices_max}`,
  [
    ...(pass.asked_at === null ? [] : ['help']),
    ...(pass.refused_at === null ? [] : ['another phone']),
  ].join(', '),
  pass.grant.words,
]

const onlyId = (args: readonly string[], action: string): string => {
  const [id, ...more] = args
  if (id === undefined || more.length > 0) throw new UsageError(`guest ${action} needs one ID`)
  return id
}

const REVOKE = {
  why: { type: 'string', value: 'TEXT', summary: 'a note for admins and owners' },
} as const satisfies Options

const revoke: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: REVOKE,
  })
  const id = onlyId(positionals, 'revoke')
  return withLocks(commandConfig(terminal), async ({ guests: { hosts }, locks: { grants } }) => {
    const { grant } = await hosts.show(undefined, id)
    await byOptions(async () => {
      const { why = null } = checkFields(values, RevocationBody)
      await grants.revoke(COMMAND_LINE, grant.id, why)
    })
    terminal.print('Revoked')
  })
}

const link: Command['run'] = async (args, terminal) => {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true })
  const id = onlyId(positionals, 'link')
  return withLocks(commandConfig(terminal), async ({ guests: { hosts } }) => {
    printLink(await hosts.renewLink(COMMAND_LINE, id), terminal)
  })
}

const ERASE = {
  yes: { type: 'boolean', default: false, summary: 'do not ask for the name to confirm' },
} as const satisfies Options

const ERASURE = {
  purpose: 'to erase this guest for good',
  refusal: 'That is not the name; nothing was erased',
} as const

const erase: Command['run'] = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: ERASE,
  })
  const id = onlyId(positionals, 'erase')
  if (!values.yes) requireTerminal(terminal, 'guest erase')
  return withLocks(commandConfig(terminal), async ({ guests: { hosts } }) => {
    const { label } = await hosts.show(undefined, id)
    if (!values.yes) await requireConsent(terminal, { word: label, ...ERASURE })
    await hosts.erase(COMMAND_LINE, undefined, id)
    terminal.print('Erased')
  })
}

const ACTIONS: Actions = {
  list: { summary: 'list the passes of guests, newest first', options: LIST, run: list },
  add: {
    summary: 'create a pass for a guest, and print its link once',
    options: ADD,
    operands: ['NAME'],
    run: add,
  },
  link: {
    summary: 'create a new link for a pass; the old one and the phones that use it stop working',
    operands: ['ID'],
    run: link,
  },
  revoke: { summary: 'revoke a pass for good', options: REVOKE, operands: ['ID'], run: revoke },
  erase: {
    summary: 'revoke a pass and erase the guest for good; asks for the name to confirm',
    options: ERASE,
    operands: ['ID'],
    run: erase,
  },
}

/** Lists, makes and ends passes of guests, also while the service runs. */
export const guest: Command = {
  summary: 'let guests without an account open locks',
  details:
    'A guest gets a link and opens it on a phone. Times are in the local time of the home ' +
    '(HOME_ZONE). To change when a pass opens, use the console or the API.',
  actions: ACTIONS,
  examples: {
    'a plumber, on Tuesday, twice':
      'secure-lock-server guest add Plumber --lock front-door --starts 2027-03-30T09:00 --ends 2027-03-30T13:00 --uses 2',
  },
  run: runAction('guest', ACTIONS),
}
