import { describe, expect, test } from 'bun:test'
import { bearer, recordsOf } from '../../support/app.ts'
import { drivenHome } from '../../support/driven-home.ts'
import { outcomeOf } from '../../support/household.ts'

const PATH = '/v1/locks/front-door/driver'
const HOME_ASSISTANT = {
  kind: 'home_assistant',
  settings: { url: 'http://127.0.0.1:9', entity: 'lock.front_door' },
  secrets: { token: 'a long-lived token' },
}

describe('what moves a lock', () => {
  test('is set, read, changed and removed by owners, and audited', async () => {
    await using home = await drivenHome()
    expect(await outcomeOf(await home.get(PATH, home.ada))).toBe('404 not_found')
    const put = await home.put(PATH, HOME_ASSISTANT, home.ada)
    expect(await put.json()).toMatchObject({
      lock: 'front-door',
      kind: 'home_assistant',
      settings: HOME_ASSISTANT.settings,
      secrets: ['token'],
      version: 1,
      state: null,
      state_since: null,
    })
    const read = await home.get(PATH, home.ada)
    expect(await read.json()).toMatchObject({ kind: 'home_assistant', version: 1 })
    expect(await outcomeOf(await home.delete(PATH, {}, home.ada))).toBe('done')
    expect(await outcomeOf(await home.get(PATH, home.ada))).toBe('404 not_found')
    expect(await outcomeOf(await home.delete(PATH, {}, home.ada))).toBe('404 not_found')
    expect(
      recordsOf(home.logLines, 'lock.driver').map(({ subject, detail }) => [subject, detail]),
    ).toStrictEqual([
      ['front-door', { kind: 'home_assistant' }],
      ['front-door', { kind: 'none' }],
    ])
  })

  test('is no business of members, and of no other lock', async () => {
    await using home = await drivenHome()
    const grace = bearer(home.person('grace').token)
    expect(await outcomeOf(await home.get(PATH, grace))).toBe('403 forbidden')
    expect(await outcomeOf(await home.put(PATH, HOME_ASSISTANT, grace))).toBe('403 forbidden')
    const other = PATH.replace('front', 'back')
    expect(await outcomeOf(await home.put(other, HOME_ASSISTANT, home.ada))).toBe('404 not_found')
  })

  test('never shows a secret, and sends it to no other address', async () => {
    await using home = await drivenHome()
    await home.put(PATH, HOME_ASSISTANT, home.ada)
    const { secrets: _, ...without } = HOME_ASSISTANT
    const opened = { ...without, settings: { ...without.settings, action: 'open' } }
    const kept = await home.put(PATH, opened, home.ada)
    expect(await kept.json()).toMatchObject({ secrets: ['token'], version: 2 })
    const moved = { ...without, settings: { ...without.settings, url: 'http://10.0.0.9' } }
    const refused = await home.put(PATH, moved, home.ada)
    expect([refused.status, await refused.json()]).toMatchObject([400, { detail: 'Missing token' }])
    const everything = [await (await home.get(PATH, home.ada)).text(), ...home.logLines].join()
    expect(everything).not.toContain(HOME_ASSISTANT.secrets.token)
  })

  test('needs settings that its kind knows', async () => {
    await using home = await drivenHome()
    const refusal = async (body: object) => {
      const answer = await home.put(PATH, body, home.ada)
      return `${answer.status} ${((await answer.json()) as { detail: string }).detail}`
    }
    const { settings, secrets } = HOME_ASSISTANT
    expect(await refusal({ kind: 'garage', settings })).toMatch(/^400 Invalid kind: zigbee2mqtt,/)
    expect(await refusal({ kind: 'shelly', settings: {} })).toBe('400 Missing url')
    expect(await refusal({ kind: 'shelly', settings: 7 })).toBe('400 Invalid settings: an object')
    for (const url of ['file:///etc/passwd', 'http://ada:secret@relay', 'http://relay/path', ''])
      expect(await refusal({ kind: 'shelly', settings: { url } })).toBe(
        '400 Invalid url: an address without a path, such as http://192.168.1.40',
      )
    expect(
      await refusal({
        kind: 'home_assistant',
        settings: { ...settings, entity: 'light.x' },
        secrets,
      }),
    ).toMatch(/^400 Invalid entity/)
  })

  test('cannot speak by a broker that the gateway does not know', async () => {
    await using home = await drivenHome()
    const body = { kind: 'zigbee2mqtt', settings: { name: 'front-door' } }
    expect(await outcomeOf(await home.put(PATH, body, home.ada))).toBe('409 no_broker')
  })

  test('is not overwritten by somebody who has not read the newest version', async () => {
    await using home = await drivenHome()
    await home.put(PATH, HOME_ASSISTANT, home.ada)
    const put = async (version: string) =>
      outcomeOf(await home.put(PATH, HOME_ASSISTANT, { ...home.ada, 'if-match': version }))
    expect(await put('"7"')).toBe('412 version_changed')
    expect(await put('"1"')).toBe('done')
  })
})
