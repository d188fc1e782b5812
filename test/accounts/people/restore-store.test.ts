import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { erasedPeople } from '../../../src/accounts/people/restore-store.ts'
import { COMMAND_LINE } from '../../../src/domain/audit-event.ts'
import { makeToken } from '../../support/access-tokens.ts'
import { PASSWORD, bearer, startApp } from '../../support/app.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { openLog } from '../../support/unlock-log.ts'

test('[T3] a restore revokes every session, reset code, invitation and access token that may have ended', async () => {
  await using app = await startApp()
  const token = await app.signIn('ada')
  const owner = await app.signIn('oli', 'owner')
  const invitation = await app.accounts.invitations.createOne(COMMAND_LINE, {
    role: 'member',
    label: '',
    unit: null,
    hours: 1,
    usesMax: 1,
  })
  const ada = await app.accounts.authentication.find('ada')
  const reset = await app.accounts.administration.beginReset({
    by: COMMAND_LINE,
    publicId: ada?.publicId ?? '',
  })
  const gone = await makeToken(app, bearer(owner), ['unlocks:read'])
  const kept = await makeToken(app, bearer(owner), ['unlocks:read'])
  const revoked = await app.db.transaction((tx) => app.accounts.revokeCredentialsIn(tx, [kept.id]))
  expect(revoked).toStrictEqual({ sessions: 2, invitations: 1, tokens: 1 })
  expect((await app.get('/v1/unlocks', bearer(gone.token))).status).toBe(401)
  expect((await app.get('/v1/unlocks', bearer(kept.token))).status).toBe(200)
  for (const revokedToken of [token, owner])
    expect((await app.get('/v1/me', bearer(revokedToken))).status).toBe(401)
  const redeemed = await app.post('/v1/password-reset', {
    username: 'ada',
    code: reset.code,
    new_password: 'four green chairs',
  })
  expect(redeemed.status).toBe(401)
  expect((await app.accounts.invitations.page(undefined, 10)).page).toMatchObject([
    { state: 'revoked', id: invitation.id },
  ])
  expect((await app.post('/login', { username: 'ada', password: PASSWORD })).status).toBe(200)
})

test('[D7] a database still knows which accounts it erased once their marks are gone', async () => {
  const folder = temporaryFolder()
  const app = await openLog(join(folder, 'data'))
  for (const username of ['ada', 'grace'])
    await app.accounts.newAccounts.add(
      { username, password: PASSWORD, phone: '1', address: 'x' },
      'member',
    )
  const publicId = (await app.accounts.authentication.find('grace'))?.publicId ?? ''
  await app.accounts.administration.erase({ by: COMMAND_LINE, publicId })
  await app[Symbol.asyncDispose]()
  {
    await using db = await homeDatabase(folder)
    expect(await erasedPeople(db)).toStrictEqual([publicId])
  }
  rmSync(folder, { recursive: true })
})
