import { expect, test } from 'bun:test'
import { homeWithBroker } from '../support/mqtt-home.ts'
import { until } from '../support/until.ts'

test('the command line shows, renews and removes what the broker knows', async () => {
  await using home = await homeWithBroker()
  const { broker } = home
  const gid = await home.gid()
  const config = `homeassistant/device/secure_lock_${gid}_front_door/config`
  const kept = () => broker.kept('#')
  await until(async () => config in (await kept()))
  await home.unlock('Ada')
  await until(async () => `secure-lock/${gid}/locks/front-door/last` in (await kept()))

  const status = await home.command(['mqtt', 'status'])
  expect(status.words).toBe('')
  expect(status.out.replace(/received .*Z/, 'received TIME').split('\n')).toStrictEqual([
    `broker\tmqtt://127.0.0.1:${broker.port}, MQTT 5`,
    'password\tneeded',
    `topics\tsecure-lock/${gid}/#`,
    'service\tonline',
    expect.stringMatching(/^front-door\tannounced; last unlock \d+, received TIME$/),
    '',
  ])

  broker.publish(config, '', { retain: true })
  expect((await home.command(['mqtt', 'announce'])).out).toBe(
    'Asked the service to announce all locks again\n',
  )
  await until(async () => config in (await kept()))

  const { words } = await home.command(['mqtt', 'remove'])
  expect(words).toContain('The service is connected and will announce them again')
  await home.service().stop()
  const removed = await home.command(['mqtt', 'remove'])
  expect(removed).toMatchObject({ status: 0, out: 'Removed the lock from Home Assistant\n' })
  expect(removed.words).toBe('')
  expect(await kept()).toStrictEqual({})
  expect(await home.command(['mqtt', 'announce'])).toMatchObject({
    status: 1,
    words: expect.stringContaining('The service is not connected to the broker'),
  })
  await broker.stop()
  const alone = await home.command(['mqtt', 'status'])
  expect(alone.status).toBe(1)
  expect(alone.words).toContain(`No connection to the broker mqtt://127.0.0.1:${broker.port}`)
  expect(alone.words).not.toContain('broker-secret')
})
