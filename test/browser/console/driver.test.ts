import { describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { homeWithBroker } from '../../support/mqtt-home.ts'
import { until } from '../../support/until.ts'
import { IS_LEFT_OUT, useBrowser, useResource } from '../chromium.ts'
import { ON_PHONE, expectCalm, expectFault, look, openAs } from './console.ts'

const TOPIC = 'zigbee2mqtt/front'

describe.skipIf(IS_LEFT_OUT)('a door with a lock of the home', () => {
  const browser = useBrowser()
  const place = useResource(homeWithBroker, (home) => home[Symbol.asyncDispose]())

  const say = (message: object): void => place().broker.publish(TOPIC, JSON.stringify(message))
  const part = (page: Page, name: string) => page.getByRole('region', { name })
  const opening = (page: Page) => page.locator('.opening').getByRole('status')

  test('an owner connects it, says whose a code is, and lets Home Assistant open it', async () => {
    await using seen = await openAs(
      browser(),
      place().service(),
      'Oli',
      '/console/doors/front-door',
    )
    const { page } = seen
    const how = part(page, 'How the gateway opens it')
    await how.getByText('It does not.').waitFor()
    await how.getByRole('button', { name: 'Connect a lock' }).click()
    await how.getByText('Home Assistant', { exact: true }).click()
    await how.getByLabel('Address').fill('homeassistant.local')
    await how.getByLabel('Entity').fill('lock.front_door')
    await how.getByLabel('Long-lived access token').fill('secret')
    await how.getByRole('button', { name: 'Connect', exact: true }).click()
    await expectFault(
      page,
      how.getByLabel('Address'),
      'Invalid url: an address without a path, such as http://192.168.1.40.',
    )
    await look(page, 'driver-new')
    await how.getByText('Zigbee2MQTT', { exact: true }).click()
    await how.getByLabel('Name', { exact: true }).fill('front')
    await how.getByRole('button', { name: 'Connect', exact: true }).click()
    await page.getByText('Saved.').waitFor()
    await how.getByText('Nothing heard from it yet.').waitFor()
    await until(async () => {
      say({ state: 'LOCK', lock_state: 'locked' })
      const answer = await place()
        .client()
        .get('/v1/locks/front-door/driver', await place().as('Oli'))
      return ((await answer.json()) as { state: string | null }).state === 'locked'
    })
    await page.reload()
    await how.getByText(/^Locked since/).waitFor()
    await how.getByText(/^By Zigbee2MQTT \(front\)\. Last heard/).waitFor()

    const codes = part(page, 'Who has which code')
    await codes.getByRole('button', { name: 'Add a code' }).click()
    await page.getByLabel('Number').fill('two')
    await page.getByLabel('Belongs to').selectOption({ label: 'Ada' })
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await expectFault(
      page,
      page.getByLabel('Number'),
      'Invalid slot: a number, or auth- and a number, such as 2.',
    )
    await page.getByLabel('Number').fill('2')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await codes.getByText(/^Ada has code 2 since/).waitFor()

    const operator = page.getByRole('region', { name: /Home Assistant (may )?open it/ })
    await operator.getByLabel('As').selectOption({ label: 'Ben' })
    await operator.getByRole('button', { name: 'Allow' }).click()
    await operator.getByText('As Ben, whose rules decide.').waitFor()
    await look(page, 'driver')
    await operator.getByRole('button', { name: 'No longer' }).click()
    await operator.getByLabel('As').waitFor()
    await codes.getByRole('button', { name: 'Take back: 2' }).click()
    await codes.getByText(/^Ada has code 2 since .* until/).waitFor()
    expectCalm(seen, [400, 400])
  })

  test('a member sees the door open, fail, and say nothing', async () => {
    await using seen = await openAs(browser(), place().service(), 'Ada', '/console/doors', ON_PHONE)
    const { page } = seen
    const commands = await place().broker.listen(`${TOPIC}/set`)
    const press = () => page.getByRole('button', { name: 'Open: Front door' }).click()
    await press()
    await opening(page).getByText('Opening…', { exact: true }).waitFor()
    await until(() => commands.heard.length === 1)
    await look(page, 'door-opening')
    say({ state: 'UNLOCK', lock_state: 'unlocked' })
    await opening(page).getByText('Opened.', { exact: true }).waitFor()
    await look(page, 'door-opened')

    // A lock that says nothing for longer than it may take.
    await press()
    await opening(page)
      .getByText('The lock has not answered. Check whether the door is open, or use your key.')
      .waitFor()
    await look(page, 'door-silent')
    // It was asked once a time.
    expect(commands.heard).toHaveLength(2)
    await commands.end()
    expectCalm(seen)
  })

  test('the broker is a card, and has no button to remove it', async () => {
    await using seen = await openAs(browser(), place().service(), 'Oli', '/console/connections')
    const { page } = seen
    const card = page.getByRole('article', { name: 'Home Assistant' })
    await card.getByText(/^The broker mqtt:\/\/127\.0\.0\.1:\d+ answers, by MQTT 5\./).waitFor()
    await card.getByText(/^Home Assistant sees Front door:/).waitFor()
    await card.getByRole('button', { name: 'Send a test: MQTT' }).click()
    await card.getByText(/^The test arrived/).waitFor()
    await look(page, 'connections-broker')
    await card.getByRole('link', { name: 'More: Home Assistant' }).click()
    await page.getByRole('heading', { level: 2, name: 'Change' }).waitFor()
    expect(await page.getByRole('button', { name: 'Remove', exact: true }).count()).toBe(0)

    await page.goto(`${place().service().url}/console/doors/front-door`)
    const how = part(page, 'How the gateway opens it')
    await how.getByText(/^Last asked .* for Ada: it said nothing\.$/).waitFor()
    await how.getByRole('button', { name: 'Disconnect' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click()
    await how.getByText('It does not.').waitFor()
    expectCalm(seen)
  })
})
