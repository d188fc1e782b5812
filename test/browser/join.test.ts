import { describe, expect, test } from 'bun:test'
import { PASSWORD, basic, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand } from '../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useService, visit, waitForTrue } from './chromium.ts'
import { PASSWORD_RULE, WEAK_PASSWORD, expectFault, noteOf } from './console/console.ts'
import { PHONE, inAllLooks } from './looks.ts'
import { until } from '../support/until.ts'

describe.skipIf(IS_LEFT_OUT)('a person who opens a link on a phone', () => {
  const browser = useBrowser()
  const service = useService({ env: { ...UNLIMITED, REGISTRATION: 'invite' } })
  const open = () => visit(browser(), service().url, { viewport: PHONE })

  const people = async () => {
    const answer = await clientOf(service().url).get('/getUsers', basic('oli', PASSWORD))
    const rows = (await answer.json()) as Record<string, Record<string, unknown>>
    return Object.values(rows).map(({ username, role, phone }) => ({ username, role, phone }))
  }

  const invite = async (): Promise<string> => {
    const { port } = new URL(service().url)
    const { out } = await runCommand(['invite'], {
      folder: service().folder,
      env: { HOST: '127.0.0.1', PORT: port },
    })
    return /http\S+/.exec(out)?.[0] ?? 'none'
  }

  test('[A5, T6] becomes the first owner with the printed setup code, which is removed from the address', async () => {
    await using seen = await open()
    const { page } = seen
    await until(() => service().output().words.includes('#setup='))
    const [link = 'none'] = /http\S+#setup=\S+/.exec(service().output().words) ?? []
    await page.goto(link)
    await page.getByText('no owner yet').waitFor()
    await page.waitForURL(`${service().url}/console/first-run`)
    const code = await page.getByLabel('Code').inputValue()
    expect(link).toEndWith(`#setup=${code}`)
    expect(await page.getByLabel('Phone').count()).toBe(0)
    const password = page.getByLabel('Password', { exact: true })
    expect(await noteOf(page, password)).toBe(PASSWORD_RULE)
    await page.getByLabel('User name').fill('oli')
    await password.fill('short')
    await page.getByRole('button', { name: 'Create the owner' }).click()
    await expectFault(page, password, WEAK_PASSWORD)
    await password.fill(PASSWORD)
    await page.getByRole('button', { name: 'Create the owner' }).click()
    await page.getByText('You are oli, the owner.').waitFor()
    expect(await page.getByText('no owner yet').count()).toBe(0)
    expect(await people()).toEqual([{ username: 'oli', role: 'owner', phone: '' }])

    // The gateway settles who may register; on another device, it goes on after that.
    await page.getByText('REGISTRATION=invite').waitFor()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByRole('img', { name: `QR code of ${service().url}` }).waitFor()
    await using elsewhere = await open()
    await elsewhere.page.goto(link)
    await elsewhere.page.getByText('already has an owner').waitFor()
    await elsewhere.page.getByLabel('User name').fill('oli')
    await elsewhere.page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await elsewhere.page.getByRole('button', { name: 'Log in' }).click()
    await elsewhere.page.getByRole('img', { name: `QR code of ${service().url}` }).waitFor()
    await elsewhere.page.goto('/')
    await elsewhere.page.waitForURL(`${service().url}/console/first-run`)
    await elsewhere.page.getByRole('button', { name: 'Skip the rest' }).click()
    await elsewhere.page.getByRole('heading', { name: 'Today' }).waitFor()
    // What Chromium reports about the weak password, and nothing else.
    expect(seen.faults).toHaveLength(1)
    expect([...seen.foreign, ...elsewhere.faults, ...elsewhere.foreign]).toEqual([])
  })

  test('registers with an invitation, once, and reads what to do next', async () => {
    const link = await invite()
    await using seen = await open()
    const { page } = seen
    await page.goto(link)
    await page.getByLabel('User name').fill('ada')
    const password = page.getByLabel('Password', { exact: true })
    expect(await noteOf(page, password)).toBe(PASSWORD_RULE)
    await inAllLooks(page, 'join-invited')
    await password.fill('password')
    await page.getByRole('button', { name: 'Register' }).click()
    await expectFault(page, password, WEAK_PASSWORD)
    await inAllLooks(page, 'join-weak')
    await password.fill(PASSWORD)
    await page.getByLabel('Phone').fill('0'.repeat(33))
    await page.getByLabel('Address').fill('1 Lock Lane')
    await page.getByRole('button', { name: 'Register' }).click()
    await expectFault(page, page.getByLabel('Phone'), 'Use at most 32 characters.')
    await page.getByLabel('Phone').fill('01')
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('heading', { name: 'Welcome, ada!' }).waitFor()
    expect(page.url()).toBe(`${service().url}/join`)
    await page.getByRole('img', { name: `QR code of ${service().url}` }).waitFor()
    expect(await page.getByText('let you in').count()).toBe(0)
    await inAllLooks(page, 'join-done')

    // The same link again, in the same tab.
    await page.evaluate(`location.href = ${JSON.stringify(await invite())}`)
    await page.getByLabel('User name').fill('ada')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    const name = page.getByLabel('User name')
    await expectFault(page, name, 'This name is taken. Choose another one.')
    await page.evaluate(`location.href = ${JSON.stringify(link)}`)
    const code = page.getByLabel('Invitation code')
    await waitForTrue(page, `document.querySelector('[name="username"]').value === ''`)
    expect(link).toEndWith(`#invitation=${await code.inputValue()}`)
    expect(page.url()).toBe(`${service().url}/join`)
    await name.fill('eve')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    await expectFault(page, code, 'This invitation is not valid.')
    expect(await people()).toEqual([
      { username: 'oli', role: 'owner', phone: '' },
      { username: 'ada', role: 'member', phone: '01' },
    ])

    await page.evaluate(`location.href = ${JSON.stringify(await invite())}`)
    await waitForTrue(page, `document.querySelector('[name="username"]').value === ''`)
    await name.fill('eve')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('heading', { name: 'Welcome, eve!' }).waitFor()
    await page.getByRole('link', { name: 'Log in here' }).click()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    expect(page.url()).toBe(`${service().url}/console`)
    expect(seen.foreign).toEqual([])
  })

  test('is told that registering needs a code', async () => {
    await using seen = await open()
    const { page } = seen
    await page.goto('/join')
    await page.getByLabel('User name').fill('eve')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    await expectFault(page, page.getByLabel('Invitation code'), 'Registering needs an invitation.')
  })

  test('is told in a sentence that something else answers for the gateway', async () => {
    await using seen = await open()
    const { page } = seen
    await page.route('**/register', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }),
    )
    await page.goto('/join')
    await page.getByLabel('User name').fill('eve')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByText('The gateway does not answer').first().waitFor()
  })
})
