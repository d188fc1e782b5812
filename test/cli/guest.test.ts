import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { addAccount } from '../support/accounts.ts'
import { clientOf } from '../support/app.ts'
import { guestPhone } from '../support/guests.ts'
import { type Service, UNLIMITED, runCommand, startService } from '../support/binary.ts'

let service: Service

beforeAll(async () => {
  service = await startService({ env: { ...UNLIMITED, HOME_ZONE: 'Europe/Berlin' } })
  await addAccount('oli', { role: 'owner', folder: service.folder })
})

afterAll(async () => {
  await service.stop()
})

const run = (...args: readonly string[]) =>
  runCommand(['guest', ...args], {
    folder: service.folder,
    env: { ...UNLIMITED, HOME_ZONE: 'Europe/Berlin' },
  })

const made = async (name: string, ...more: string[]) => {
  const { status, out } = await run('add', name, '--lock', 'front-door', ...more)
  expect(status).toBe(0)
  const [, id = ''] = /^Made {3}(\S+)$/m.exec(out) ?? []
  const [, link = ''] = /^Link {3}(\S+)$/m.exec(out) ?? []
  return { out, id, link, code: link.split('#pass=')[1] ?? '' }
}

/** A phone on which the pass of a link is put into use. */
const phoneWith = async (code: string) => {
  const phone = guestPhone(clientOf(service.url))
  const { status } = await phone.bind(code)
  const open = async (): Promise<string> => {
    const { body } = await phone.unlock()
    return body.decision ?? body.code ?? ''
  }
  return { status, open }
}

const row = async (id: string, ...more: string[]) =>
  (await run('list', ...more)).out.split('\n').find((line) => line.includes(id))

describe('guest', () => {
  test('add prints a link that lets a guest in, and list says what the guest has', async () => {
    const { out, id, code } = await made('Plumber', '--ends', '2099-01-31', '--uses', '2')
    expect(out).toMatch(/^Pass {3}Plumber · Front door · until 31 January 2099 · twice$/m)
    expect(out).toMatch(/^Opens {2}\d{4}-\d\d-\d\d \d\d:\d\d to 2099-02-01 00:00$/m)
    const phone = await phoneWith(code)
    expect(phone.status).toBe(200)
    expect(await phone.open()).toBe('permitted')
    expect((await row(id))?.split('\t')).toStrictEqual([
      id,
      'now',
      '1/2',
      '',
      '1/2',
      '',
      expect.stringContaining('Plumber · Front door'),
    ])
    const json = JSON.parse((await row(id, '--json', '--state', 'now')) ?? '') as object
    expect(json).toMatchObject({ id, label: 'Plumber', host: null, devices: [{ name: 'iPhone' }] })
    expect(await row(id, '--state', 'ended')).toBeUndefined()
  })

  test('add with a key makes no second pass, and no second link', async () => {
    const args = ['add', 'Cleaner', '--lock', 'front-door', '--key', 'booking-1']
    const first = await run(...args)
    const second = await run(...args)
    const [, id = '-'] = /^Made {3}(\S+)$/m.exec(first.out) ?? []
    expect(second.out).toStartWith(`Known  ${id}\n`)
    expect(second.out).not.toContain('Link')
  })

  test('link ends the old link and the phones that use it, and prints another', async () => {
    const { id, code } = await made('Cat sitter')
    const phone = await phoneWith(code)
    const { status, out } = await run('link', id)
    const [, next = ''] = /^Link {3}\S+#pass=(\S+)\n$/.exec(out) ?? []
    expect([status, next.length]).toStrictEqual([0, 22])
    expect((await phoneWith(code)).status).toBe(404)
    expect(await phone.open()).toBe('no_such_pass')
    const renewed = await phoneWith(next)
    expect(await renewed.open()).toBe('permitted')
  })

  test('revoke ends a pass for good, and erase also forgets the guest', async () => {
    const { id, code } = await made('Neighbour')
    const phone = await phoneWith(code)
    expect((await run('revoke', id, '--why', 'moved')).out).toBe('Revoked\n')
    expect(await phone.open()).not.toBe('permitted')
    expect((await phoneWith(code)).status).toBe(404)
    expect((await run('link', id)).words).toContain('revoked for good')

    expect((await run('erase', id)).words).toContain('guest erase needs --yes')
    expect((await run('erase', '--yes', id)).out).toBe('Erased\n')
    expect(await row(id)).toBeUndefined()
    expect((await run('erase', '--yes', id)).words).toContain('No such pass')
  })

  test.each([
    [['add', 'Plumber'], 'needs one NAME'],
    [['add', '--lock', 'front-door'], 'needs one NAME'],
    [['add', 'Plumber', '--lock', 'nowhere'], '--lock'],
    [['add', 'Plumber', '--lock', 'front-door', '--devices', '9'], '--devices'],
    [['add', 'x'.repeat(65), '--lock', 'front-door'], 'NAME'],
    [['list', '--state', 'revoked'], '--state must be now or later or ended'],
    [['revoke', '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'], 'No such pass'],
    [['link'], 'guest link needs one ID'],
  ])('%j is refused: %s', async (args, says) => {
    const { status, words } = await run(...args)
    expect(status).toBeGreaterThan(0)
    expect(words).toContain(says)
  })
})
