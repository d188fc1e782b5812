import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { homeDatabase } from '../support/home-database.ts'
import { addAccount, tokenFor } from '../support/accounts.ts'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'

const DECEIVING = /[\p{C}\p{Zl}\p{Zp}\u2800\u3164]/u

test('[G12] no command, export or message shows signs that deceive, at the compiled file', async () => {
  const folder = temporaryFolder()
  const run = (...args: string[]) => runCommand(args, { folder, env: UNLIMITED })
  await addAccount('oli', { folder, role: 'owner', env: UNLIMITED })
  await addAccount('mia', { folder, env: UNLIMITED })
  {
    await using service = await startService({ folder, env: UNLIMITED })
    const headers = bearer(await tokenFor(service.url, 'mia'))
    const { get, post } = clientOf(service.url)
    for (const method of ['pin\u202efdp', ' =1+1', '\u200b', '\ue000x'])
      expect((await post('/logUnlocking', { 'unlocking-method': method }, headers)).status).toBe(
        200,
      )
    const csv = await (await get('/v1/unlocks/export?format=csv', headers)).text()
    for (const cell of ['pin\\u202efdp', "' =1+1", '\\u200b', '\\ue000x'])
      expect(csv).toContain(cell)
    expect(csv.replaceAll('\r\n', '')).not.toMatch(DECEIVING)
    await service.stop()
  }
  // As an import, or a version without the rules of today, may have left them.
  await using db = await homeDatabase(folder)
  await db.run("UPDATE account SET username = ? WHERE username = 'mia'", 'mia\u202e\n\u001b[8mx')
  const outputs = [
    await run('user', 'list'),
    await run('audit'),
    await run('audit', '--json'),
    await run('invite', '--label', 'a\u202eb\u2066'),
    await run('invite', 'list'),
    await run('user', 'disable', 'x\u202ey'),
    await run('restore', 'no\u2067file'),
    await run('nonsense\u202e'),
    await run('user', 'add', '--ro\u202ele', 'x'),
  ]
  for (const { out, words } of outputs)
    expect(`${out}${words}`.replaceAll(/[\n\t]/g, ' ')).not.toMatch(DECEIVING)
  const [list, , json, , invitations] = outputs
  expect(list?.out.trim().split('\n')).toHaveLength(3)
  expect(list?.out).toContain('mia\\u202e\\u000a\\u001b[8mx')
  expect(
    json?.out
      .trim()
      .split('\n')
      .map((line) => typeof JSON.parse(line)),
  ).toContain('object')
  expect(invitations?.out).toContain('a\\u202eb\\u2066')
  rmSync(folder, { recursive: true })
})
