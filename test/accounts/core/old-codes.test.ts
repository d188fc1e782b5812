import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { homeDatabase } from '../../support/home-database.ts'
import { PASSWORD, clientOf } from '../../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../../support/binary.ts'

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
const HOURS_MS = 100 * 3_600_000

test('[D6] a gateway that starts with its clock behind revives no old invitation or reset code', async () => {
  const folder = temporaryFolder()
  const run = async (...args: string[]) =>
    /[0-9A-Z]{4}(?:-[0-9A-Z]{4}){6}/.exec(
      (await runCommand(args, { folder, input: `${PASSWORD}\n` })).out,
    )?.[0]
  await run('user', 'add', 'ada')
  const codes = { invitation: await run('invite'), reset: await run('user', 'reset', 'ada') }
  const tryBoth = async () => {
    await using service = await startService({ env: UNLIMITED, folder })
    const { post } = clientOf(service.url)
    const invited = { ...PERSON, username: 'eve', invitation: codes.invitation }
    const reset = { username: 'ada', code: codes.reset, new_password: 'nine quiet green keys' }
    const answers = [await post('/register', invited), await post('/v1/password-reset', reset)]
    return answers.map(({ status }) => status)
  }
  /** Shifts the codes as seen by a gateway whose clock is `ms` behind. */
  const shift = async (ms: number) => {
    await using db = await homeDatabase(folder)
    await db.run(
      'UPDATE invitation SET created_at_ms = created_at_ms + ?1, expires_at_ms = expires_at_ms + ?1',
      ms,
    )
    await db.run('UPDATE password_reset SET expires_at_ms = expires_at_ms + ?', ms)
  }
  await shift(HOURS_MS)
  expect(await tryBoth()).toStrictEqual([403, 401])
  await shift(-HOURS_MS)
  expect(await tryBoth()).toStrictEqual([200, 200])
  rmSync(folder, { recursive: true })
})
