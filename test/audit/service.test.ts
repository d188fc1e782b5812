import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { COMMAND_LINE } from '../../src/domain/audit-event.ts'
import { PASSWORD } from '../support/app.ts'
import { temporaryFolder } from '../support/binary.ts'
import { homeDatabase } from '../support/home-database.ts'
import { IS_POSTGRES } from '../support/test-server.ts'
import { openLog } from '../support/unlock-log.ts'

const FROM = { address: '192.0.2.1', userAgent: 'test', requestId: 'r' }

test('[O3] an action that cannot be recorded does not happen: no login, account, invitation or second factor, and no session ends', async () => {
  const folder = temporaryFolder()
  const lines: string[] = []
  const app = await openLog(join(folder, 'data'), {}, (line) => lines.push(line))
  const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
  const { publicId } = await app.accounts.newAccounts.add(person, 'member')
  const account = await app.accounts.store.findByPublicId(publicId)
  if (!account) throw new Error('no account')
  await app.accounts.authentication.login(person, FROM)
  const [session, ...others] = await app.accounts.sessions.list(account.id)
  expect(others).toStrictEqual([])

  await using db = await homeDatabase(folder)
  await db.run(
    IS_POSTGRES
      ? 'ALTER TABLE audit_event ADD CONSTRAINT "no more records" CHECK (false) NOT VALID'
      : `CREATE TRIGGER broken BEFORE INSERT ON audit_event
         BEGIN SELECT RAISE(ABORT, 'no more records'); END`,
  )
  const caller = { ...FROM, isAddressHidden: false, account, sessionId: session?.id }
  expect(app.accounts.authentication.login(person, FROM)).rejects.toThrow('no more records')
  expect(app.accounts.sessions.end(caller, session?.id ?? '')).rejects.toThrow('no more records')
  expect(app.accounts.sessions.endAll({ by: caller, publicId })).rejects.toThrow('no more records')
  const other = { ...person, username: 'eve' }
  expect(app.accounts.newAccounts.add(other, 'member')).rejects.toThrow('no more records')
  const terms = { role: 'member', label: '', unit: null, hours: 1, usesMax: 1 } as const
  expect(app.accounts.invitations.createOne(COMMAND_LINE, terms)).rejects.toThrow('no more records')
  expect(app.accounts.enrolment.begin(caller, PASSWORD)).rejects.toThrow('no more records')
  expect(await app.accounts.store.page(0, 9)).toHaveLength(1)
  expect(await app.accounts.invitations.page(undefined, 9)).toMatchObject({ page: [] })
  expect(await db.get('SELECT count(*) AS n FROM second_factor')).toStrictEqual({ n: 0 })
  expect(await app.accounts.sessions.list(account.id)).toMatchObject([{ id: session?.id }])
  expect(lines.filter((line) => line.includes('session.end_all'))).toHaveLength(1)

  await db.run(
    IS_POSTGRES
      ? 'ALTER TABLE audit_event DROP CONSTRAINT "no more records"'
      : 'DROP TRIGGER broken',
  )
  await app.accounts.sessions.endAll({ by: caller, publicId })
  expect(await app.accounts.sessions.list(account.id)).toStrictEqual([])
  const { events } = await app.audit.store.page({ filter: {}, order: 'oldest', limit: 10 })
  expect(events).toMatchObject([
    { action: 'account.add', subject: { id: publicId } },
    { action: 'login', detail: { session: session?.id } },
    { action: 'session.end_all', detail: { sessions: 1 }, address: '192.0.2.1', requestId: 'r' },
  ])
  await app[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})
