import { afterAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService } from '../chromium.ts'
import { ON_PHONE, addAccount, expectCalm, look, openAs, tokenFor } from './console.ts'

const GUESSER = '203.0.113.66'

describe.skipIf(IS_LEFT_OUT)('security', () => {
  const browser = useBrowser()
  const backupDir = temporaryFolder()
  const service = useService(
    { env: { ...UNLIMITED, TRUSTED_PROXIES: '127.0.0.1', BACKUP_DIR: backupDir } },
    async (started) => {
      await addAccount(started, 'oli')
      await addAccount(started, 'ada', 'member')
    },
  )
  afterAll(() => rmSync(backupDir, { recursive: true }))

  const logInAsAda = (password: string) =>
    clientOf(service().url).post(
      '/login',
      { username: 'ada', password },
      { 'x-forwarded-for': GUESSER },
    )

  test('ten wrong passwords lock a client out, and the page clears the lockout [P4]', async () => {
    for (let failure = 0; failure < 10; failure += 1)
      expect((await logInAsAda('wrong horse battery')).status).toBe(401)
    expect((await logInAsAda(PASSWORD)).status).toBe(401)
    await using seen = await openAs(browser(), service(), 'oli', '/console/security', ON_PHONE)
    const { page } = seen
    await page.getByRole('list', { name: 'Lockouts' }).getByText(`${GUESSER} for ada`).waitFor()
    await page.getByRole('list', { name: 'Failed logins' }).getByText('times').first().waitFor()
    await look(page, 'security')
    await page.getByRole('button', { name: 'Clear lockout' }).click()
    await page.getByText('Nobody is locked out.').waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Lockouts')
    expect((await logInAsAda(PASSWORD)).status).toBe(200)

    await page.getByRole('link', { name: 'Audit events' }).click()
    const events = page.getByRole('list', { name: 'Audit events' })
    await events.getByText('oli cleared a lockout of ada').waitFor()
    for (const words of [
      `${GUESSER} is locked out for 30 seconds after 10 failed logins for ada`,
      // Repeats are recorded by the minute, of which the ten may touch two.
      new RegExp(`A password for ada was refused .*from ${GUESSER}`),
      `ada logged in, from ${GUESSER}`,
    ])
      await events.getByText(words).first().waitFor()
    expectCalm(seen)
  })

  test('audit events are shown in words, filtered by the address, and loaded to the end [O3]', async () => {
    const { patch, get } = clientOf(service().url)
    const owner = bearer(await tokenFor(service(), 'oli'))
    const { people } = (await (await get('/v1/people?text=ada', owner)).json()) as {
      people: { id: string }[]
    }
    const ada = people[0]?.id ?? ''
    for (const disabled of [true, false])
      expect((await patch(`/v1/people/${ada}`, { disabled }, owner)).status).toBe(200)
    // More than one page, and alternating, because repeats are shown as one.
    for (let round = 0; round < 60; round += 1)
      for (const phone of ['1', '2'])
        await patch('/v1/me', phone === '1' ? { phone } : { address: phone }, owner)

    await using seen = await openAs(browser(), service(), 'oli', '/console/security/audit')
    const { page } = seen
    const events = page.getByRole('list', { name: 'Audit events' })
    await events.getByText('oli changed their own phone').first().waitFor()
    const first = events.getByText('The server started').first()
    const more = page.getByRole('button', { name: 'Show more' })
    while (!(await first.isVisible())) {
      await more.or(first).first().waitFor()
      if (await more.isVisible()) await more.scrollIntoViewIfNeeded().catch(() => {})
    }
    expect(await first.isVisible()).toBe(true)

    await page.goto(`/console/security/audit?subject=${ada}&action=account`)
    await events.getByText('oli disabled ada').waitFor()
    await events.getByText('oli enabled ada again').click()
    await events.getByText('account.enable').waitFor()
    expect(await events.getByText('phone').count()).toBe(0)
    await look(page, 'audit')
    await page.getByLabel('What').selectOption({ label: 'Logins' })
    await page.getByLabel('Result').selectOption({ label: 'Failed or refused' })
    await page.getByLabel('From').fill('2020-01-01')
    await page.getByLabel('Until (inclusive)').fill('2020-01-02')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText('No matches.').waitFor()
    expect(new URL(page.url()).searchParams.get('to')).toBe('2020-01-02')
    expectCalm(seen)
  })

  test('an owner chooses who may register, and creates a backup', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/security')
    const { page } = seen
    await page.getByRole('radio', { name: /^Nobody/ }).check()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    const eve = { username: 'eve', password: PASSWORD, phone: '1', address: 'x' }
    expect((await clientOf(service().url).post('/register', eve)).status).toBe(403)

    const backups = page.getByRole('list', { name: 'Backups' }).getByRole('listitem')
    await page.getByRole('button', { name: 'Create a backup now' }).click()
    await backups.first().waitFor()
    await page.getByText('not encrypted').first().waitFor()
    await look(page, 'security-backups')
    expectCalm(seen)
  })

  test('shows a fixed setting, and that there are no backups', async () => {
    await using other = await startService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
    await addAccount(other, 'oli')
    await using seen = await openAs(browser(), other, 'oli', '/console/security')
    const { page } = seen
    await page.getByText('REGISTRATION=invite').waitFor()
    expect(await page.getByRole('radio').first().isDisabled()).toBe(true)
    await page.getByText('No backups are scheduled.').waitFor()
    expect(await page.getByRole('button', { name: 'Create a backup now' }).count()).toBe(0)
    await other.stop()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('Lost the connection to the gateway.').waitFor()
    expect(seen.foreign).toEqual([])
  })
})
