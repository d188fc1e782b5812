import { describe, expect, test } from 'bun:test'
import { PASSWORD, basic, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand } from '../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService, visit } from './chromium.ts'
import { PHONE } from './looks.ts'

describe.skipIf(IS_LEFT_OUT)('a person who opens a link on a phone', () => {
  const browser = useBrowser()
  const service = useService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
  const open = () => visit(browser(), service().url, { viewport: PHONE })

  const people = async () => {
    const answer = await clientOf(service().url).get('/getUsers', basic('oli', PASSWORD))
    const rows = (await answer.json()) as Record<string, Record<string, unknown>>
    return Object.values(rows).map(({ username, role, phone }) => ({ username, role, phone }))
  }

  test('[A5, T6] becomes the first owner with the printed setup code, which is removed from the address', async () => {
    await using seen = await open()
    const { page } = seen
    const [link = 'none'] = /http\S+#setup=\S+/.exec(service().output().words) ?? []
    await page.goto(link)
    await page.getByText('no owner yet').waitFor()
    expect(page.url()).toBe(`${service().url}/join`)
    const code = await page.getByLabel('Code').inputValue()
    expect(link).toEndWith(`#setup=${code}`)
    expect(await page.getByLabel('Phone').isVisible()).toBe(false)
    await page.getByLabel('User name').fill('oli')
    await page.getByLabel('Password').fill('short')
    await page.getByRole('button').click()
    await page.getByText('This password is too easy to guess').waitFor()
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button').click()
    await page.getByText('Welcome, oli').waitFor()
    expect(await people()).toEqual([{ username: 'oli', role: 'owner', phone: '' }])
    // What Chromium reports about the weak password, and nothing else.
    expect(seen.faults).toHaveLength(1)
    expect(seen.foreign).toEqual([])
  })

  test('registers with an invitation, once', async () => {
    const { port } = new URL(service().url)
    const { out } = await runCommand(['invite'], {
      folder: service().folder,
      env: { HOST: '127.0.0.1', PORT: port },
    })
    const [link = 'none'] = /http\S+/.exec(out) ?? []
    for (const [username, message] of [
      ['ada', 'Welcome, ada'],
      ['eve', 'This invitation is not valid'],
    ] as const) {
      await using seen = await open()
      const { page } = seen
      await page.goto(link)
      await page.getByLabel('User name').fill(username)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByLabel('Phone').fill('01')
      await page.getByLabel('Address').fill('1 Lock Lane')
      await page.getByRole('button').click()
      await page.getByText(message).waitFor()
      expect(page.url()).toBe(`${service().url}/join`)
    }
    expect(await people()).toEqual([
      { username: 'oli', role: 'owner', phone: '' },
      { username: 'ada', role: 'member', phone: '01' },
    ])
  })

  test('is told that registering needs a code', async () => {
    await using seen = await open()
    const { page } = seen
    await page.goto('/join')
    await page.getByLabel('User name').fill('eve')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button').click()
    await page.getByText('Registering needs an invitation').waitFor()
  })

  test('is shown the form and a sentence where something else answers for the gateway', async () => {
    await using seen = await open()
    const { page } = seen
    await page.route('**/v1/setup', (route) => route.abort())
    await page.route('**/register', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
    )
    await page.goto('/join')
    await page.getByLabel('User name').fill('eve')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button').click()
    await page.getByText('The gateway answered 502.').waitFor()
  })
})
