import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED } from '../../support/binary.ts'
import { startReceiver } from '../../support/receiver.ts'
import { until } from '../../support/until.ts'
import { IS_LEFT_OUT, useBrowser, useResource, useService } from '../chromium.ts'
import {
  ON_PHONE,
  addAccount,
  expectCalm,
  expectFault,
  focusOn,
  look,
  openAs,
  sections,
  tokenFor,
} from './console.ts'

const ENV = { ...UNLIMITED, WEBHOOK_LOOPBACK: 'on' }

describe.skipIf(IS_LEFT_OUT)('connections', () => {
  const browser = useBrowser()
  const receiver = useResource(
    async () => startReceiver(),
    (started) => started[Symbol.asyncDispose](),
  )
  const service = useService({ env: ENV }, async (started) => {
    await addAccount(started, 'oli')
    await addAccount(started, 'adam', 'admin')
    await addAccount(started, 'mia', 'member')
  })

  const as = async (username: string) => bearer(await tokenFor(service(), username))

  const unlock = async (username: string): Promise<void> => {
    const body = { 'unlocking-method': 'pin' }
    const answer = await clientOf(service().url).post('/logUnlocking', body, await as(username))
    expect(answer.status).toBe(200)
  }

  const card = (page: Page, name: string) => page.getByRole('article', { name })

  test('an owner adds a webhook, whose secret is shown once, and it receives an unlock', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/connections')
    const { page } = seen
    await page.getByRole('heading', { level: 1, name: 'Connections' }).waitFor()
    await card(page, 'Home Assistant').getByText('Not connected').waitFor()
    await look(page, 'connections-none')

    await page.getByRole('link', { name: 'Add a connection' }).click()
    await page.getByRole('radio', { name: /^Webhook/ }).check()
    await page.getByText('Webhook', { exact: true }).click()
    await page.getByLabel('Name').fill('Node-RED')
    await page.getByLabel('URL').fill(receiver().url)
    // The sentence grows.
    const [first, second] = ['When anyone opens any door', 'When somebody is refused']
    await page.getByText(first, { exact: true }).waitFor()
    await page.getByText(second, { exact: true }).waitFor()
    await page.getByLabel('Door', { exact: true }).first().selectOption({ label: 'Front door' })
    await page.getByLabel('Who', { exact: true }).first().selectOption({ label: 'mia' })
    await page.getByText('When mia opens the front door', { exact: true }).waitFor()
    await page.getByText('Only at certain hours').first().click()
    await page
      .getByText('When mia opens the front door between 22:00 and 06:00', { exact: true })
      .waitFor()
    await look(page, 'connections-new')
    await page.getByText('Only at certain hours').first().click()
    await page.getByRole('button', { name: `Remove: w${second.slice(1)}` }).click()

    const password = page.getByLabel('Your password', { exact: true })
    await password.fill('not my password')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await expectFault(page, password, WRONG_PASSWORD)
    await password.fill(PASSWORD)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await focusOn(page, 'The secret of this webhook')
    const secret = await page.locator('code.big').innerText()
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/=]+$/)
    await page.getByRole('button', { name: 'Copy secret' }).waitFor()
    await look(page, 'connections-secret')
    await page.getByRole('button', { name: 'I have saved it' }).click()

    await page.getByRole('heading', { level: 1, name: 'Node-RED' }).waitFor()
    await page.getByText('Nothing sent yet').waitFor()
    expect(await page.content()).not.toContain(secret)
    await page.getByRole('button', { name: 'Send a test: Node-RED' }).click()
    await page.getByText('The test arrived: status 204').waitFor()
    expect(receiver().received).toHaveLength(1)

    // It receives only Mia’s events.
    await unlock('adam')
    await unlock('mia')
    await until(() => receiver().received.length === 2)
    await page.reload()
    await page.getByText(/^Works · last sent/).waitFor()
    const sent = page.getByRole('list', { name: 'Messages' }).getByRole('listitem')
    await sent.getByText('sent', { exact: true }).waitFor()
    expect(await sent.count()).toBe(1)
    await look(page, 'connection')
    expectCalm(seen, [403])
  })

  test('a failure is shown with its reason; a message is sent again', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/connections')
    const { page } = seen
    const node = card(page, 'Node-RED')
    await node.getByText('When mia opens the front door').waitFor()
    receiver().answerWith(() => new Response('no room left', { status: 507 }))
    await unlock('mia')
    await until(() => receiver().received.length === 3)
    await page.reload()
    await node.getByText(/^Has failed since .*: status 507, no room left$/).waitFor()
    await node.getByText('1 message waiting').waitFor()
    await look(page, 'connections-failing')
    await node.getByRole('button', { name: 'Send a test: Node-RED' }).click()
    await node.getByText('The test failed: status 507, no room left').waitFor()

    receiver().answerWith(() => new Response(null, { status: 204 }))
    const before = receiver().received.length
    await node.getByRole('link', { name: 'Node-RED', exact: true }).click()
    const [seq] = receiver().seqs().slice(1)
    await page.getByRole('button', { name: `Send again: An unlock, no. ${String(seq)}` }).click()
    await look(page, 'connection-again')
    await page.getByText('This one and all later ones').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click()
    await page.getByText(/messages? will be sent again\./).waitFor()
    await until(() => receiver().received.length >= before + 2)
    expect(new Set(receiver().seqs().slice(before))).toEqual(new Set(receiver().seqs().slice(1, 3)))
    expectCalm(seen)
  })

  test('it is changed, switched off and on, gets another secret, and is removed', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/connections')
    const { page } = seen
    const node = card(page, 'Node-RED')
    await node.getByRole('button', { name: 'Switch off: Node-RED' }).click()
    await node.getByText('Off', { exact: true }).waitFor()
    await node.getByRole('button', { name: 'Switch on: Node-RED' }).click()
    await node.getByText('Off', { exact: true }).waitFor({ state: 'detached' })
    await node.getByRole('link', { name: 'More: Node-RED' }).click()

    // The name takes no password; where it leads does.
    await page.getByLabel('Name').fill('Kitchen')
    expect(await page.getByLabel('Your password', { exact: true }).count()).toBe(0)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { level: 1, name: 'Kitchen' }).waitFor()
    await page.getByLabel('URL').fill('ftp://kitchen.home/')
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Save' }).click()
    await expectFault(
      page,
      page.getByLabel('URL'),
      'Invalid url: an http or https URL of up to 1000 characters.',
    )
    await page.getByLabel('URL').fill(receiver().url)

    await page.getByRole('button', { name: 'New secret' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await dialog.getByRole('button', { name: 'Create a new secret' }).click()
    await page.getByText('The old one works for another 24 hours.').first().waitFor()
    const secret = await page.locator('code.big').innerText()
    expect(secret).toMatch(/^whsec_/)

    // It stays in view when the page loads the connection again, and so does a dialog that is opened first.
    const again = '**/v1/targets/*'
    const loaded = page.waitForResponse(again)
    await page.getByRole('button', { name: 'Send a test: Kitchen' }).click()
    await (await loaded).finished()
    await page.getByText('The test arrived').waitFor()
    expect(await page.locator('code.big').innerText()).toBe(secret)
    const { promise: mayLoad, resolve: load } = Promise.withResolvers<void>()
    await page.route(again, async (route) => {
      await mayLoad
      await route.continue()
    })
    await page.getByRole('button', { name: 'I have saved it' }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await dialog.getByRole('button', { name: 'Remove Kitchen' }).waitFor()
    const isLoaded = page.waitForResponse(again)
    load()
    await (await isLoaded).finished()
    await page.unroute(again)
    await page.evaluate(NEXT_FRAME)
    await dialog.getByRole('button', { name: 'Remove Kitchen' }).click()
    await page.waitForURL('**/console/connections')
    await page.getByText('Kitchen was removed.').waitFor()
    await card(page, 'Home Assistant').waitFor()
    expect(await card(page, 'Kitchen').count()).toBe(0)
    expectCalm(seen, [400])
  })

  test('a phone is notified by ntfy, with quiet hours; members have their own through the same server', async () => {
    const server = new URL('/', receiver().url).href
    const messages = () =>
      receiver().received.flatMap(({ text }) => {
        const { topic, title } = JSON.parse(text) as { topic?: string; title?: string }
        return topic === undefined ? [] : [`${topic}: ${title ?? ''}`]
      })
    await using member = await openAs(browser(), service(), 'mia', '/console/myself', ON_PHONE)
    const addOwn = async (): Promise<void> => {
      await member.page.getByRole('link', { name: 'Notify me' }).click()
      await member.page.getByText('When you open any door', { exact: true }).waitFor()
      expect(await member.page.getByLabel('Who', { exact: true }).count()).toBe(0)
      await member.page.getByLabel('Server', { exact: true }).fill(server)
      await member.page.getByLabel('Topic').fill('mia')
      await member.page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
      await member.page.getByRole('button', { name: 'Notify me' }).click()
    }
    await addOwn()
    await member.page
      .getByText('An owner has to add a connection to this server for the home first.')
      .waitFor()

    await using seen = await openAs(browser(), service(), 'oli', '/console/connections/new')
    const { page } = seen
    await page.getByText('Phone, with ntfy').waitFor()
    await page.getByLabel('Name').fill('Hall')
    await page.getByLabel('Server', { exact: true }).fill(server)
    await page.getByLabel('Topic').fill('hall')
    await page.getByText('Send nothing at certain hours').click()
    await page.getByText('Whatever happens then is sent afterwards, in one message.').waitFor()
    await look(page, 'connections-ntfy')
    await page.getByText('Send nothing at certain hours').click()
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'Hall' }).waitFor()

    await member.page.goto(`${service().url}/console/myself`)
    await addOwn()
    await member.page.getByRole('heading', { level: 1, name: 'ntfy' }).waitFor()
    await unlock('adam')
    await unlock('mia')
    await until(() => messages().length === 3)
    expect(messages().toSorted()).toEqual([
      'hall: adam opened the front door',
      'hall: mia opened the front door',
      'mia: mia opened the front door',
    ])
    const tell = member.page.getByRole('region', { name: 'Notifications' })
    // It is recorded as sent only after the receiver has it.
    await until(async () => {
      await member.page.goto(`${service().url}/console/myself`)
      await tell.getByText('When you open any door').waitFor()
      return (await tell.getByText(/^Works · last sent/).count()) === 1
    })
    await look(member.page, 'myself-tell-me')
    expectCalm(member, [403])

    await page.getByText('Send nothing at certain hours').click()
    await page.getByLabel('From').fill('21:00')
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved.').waitFor()
    const { targets } = (await (
      await clientOf(service().url).get('/v1/targets', await as('oli'))
    ).json()) as { targets: { name: string; settings: object }[] }
    expect(targets.find(({ name }) => name === 'Hall')?.settings).toMatchObject({
      topic: 'hall',
      quiet: { from: '21:00', to: '07:00' },
    })
    expectCalm(seen)
  })

  test('guests and controllers are sentences too, and only what they concern is asked', async () => {
    await using seen = await openAs(browser(), service(), 'oli', '/console/connections/new')
    const { page } = seen
    const [when, door] = [
      page.getByLabel('When', { exact: true }).first(),
      page.getByLabel('Door', { exact: true }).first(),
    ]
    await when.selectOption('a guest is let in')
    await page.getByText('When a guest is let in', { exact: true }).waitFor()
    await door.selectOption({ label: 'Front door' })
    await page.getByText('When a guest is let in at the front door', { exact: true }).waitFor()
    // A guest has no account: only the second sentence, about refusals, asks who.
    expect(await page.getByLabel('Who', { exact: true }).count()).toBe(1)
    await page.getByRole('button', { name: 'Remove: when somebody is refused' }).click()
    for (const [event, words] of [
      [
        'a guest needs help',
        'When a guest pass is tried on another phone, or a guest asks for help',
      ],
      ['the controller of a door is silent', 'When the controller of a door stops answering'],
      [
        'a door opens although nobody was let in',
        'When a door opens although nobody was let in, or its controller was copied',
      ],
    ] as const) {
      await when.selectOption(event)
      await page.getByText(words, { exact: true }).waitFor()
      expect(await door.count()).toBe(0)
    }
    await page.getByLabel('Server', { exact: true }).fill(new URL('/', receiver().url).href)
    await page.getByLabel('Topic').fill('alarms')
    await page.getByLabel('Your password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'ntfy' }).waitFor()
    const answer = await clientOf(service().url).get('/v1/targets', await as('oli'))
    const { targets } = (await answer.json()) as { targets: { name: string; rules: object[] }[] }
    expect(targets.find(({ name }) => name === 'ntfy')?.rules).toMatchObject([
      { on: 'controller.alarm' },
    ])
    expectCalm(seen)
  })

  test('others have no connections of the home', async () => {
    await using seen = await openAs(browser(), service(), 'adam', '/console/connections')
    const { page } = seen
    await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    expect(await sections(page).allInnerTexts()).not.toContain('Connections')
    expectCalm(seen)
  })
})

/** Until what an answer brought is drawn. */
const NEXT_FRAME = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'

const WRONG_PASSWORD =
  'This is not your password. After many failed logins, even the right one is refused for a while.'
