import { describe, expect, test } from 'bun:test'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { NO_PREVIOUS, signStatement } from '../../src/domain/statement/statement.ts'
import { exportBundle } from '../../src/unlocks/bundle/export.ts'
import { decidedLog } from '../support/decided-log.ts'
import { CONTROLLER, attested, reported } from '../support/reports.ts'
import { testKey } from '../support/statements.ts'
import { type RecordedLog, claimed, recordedLog, restamp } from '../support/unlock-log.ts'
import { IS_LEFT_OUT, useBrowser, useResource, visit } from './chromium.ts'
import { NARROWEST, inAllLooks } from './looks.ts'

const SIZE = 300
const FILES = ['entries.ndjson', 'proofs.ndjson', 'checkpoint', 'key'] as const

const browser = useBrowser()
const log = useResource(
  () =>
    recordedLog({
      size: SIZE,
      keptAt: [100],
      before: async (app) => {
        await app.unlocks.unlockLog.eraseAccount('account-of-hedy')
      },
    }),
  (recorded) => recorded.remove(),
)
const bundle = useResource(
  () => exported(log(), 'bundle'),
  () => {},
)

const exported = async (
  of: Pick<RecordedLog, 'run' | 'dataDir'>,
  name: string,
): Promise<string> => {
  const out = join(of.dataDir, '..', name)
  await of.run('log', 'export', '--out', out)
  return out
}

/** Opens a page from a file, where every request except for the file itself is a fault. */
const openPage = async (
  folder: string,
  { script = '', ...options }: BrowserContextOptions & { readonly script?: string } = {},
) => {
  const seen = await visit(browser(), 'null', { ...options, baseURL: 'file:///' })
  await seen.page.addInitScript({ content: script })
  const requests: string[] = []
  const url = pathToFileURL(join(folder, 'verify.html')).href
  await seen.page.context().route('**', (route) => {
    const wanted = route.request().url()
    if (wanted === url) return route.continue()
    requests.push(wanted)
    return route.abort()
  })
  await seen.page.goto(url)
  return { ...seen, requests }
}

/** As if the browser knew no numbers as long as those of a signature. */
const NO_LONG_NUMBERS = `{
  const known = BigInt
  BigInt = Object.assign((value) => {
    if (typeof value === 'string' && value.length > 40 && document.body) throw new TypeError('lacking')
    return known(value)
  }, { asUintN: known.asUintN })
}`

const verdict = async (page: Page) => {
  const state = await page
    .locator('#verdict[data-state="intact"], #verdict[data-state="broken"]')
    .getAttribute('data-state')
  return { state, words: (await page.locator('#verdict-words').textContent()) ?? '' }
}

const chooseFiles = async (page: Page, folder: string, change: Record<string, string> = {}) => {
  const files = FILES.map((name) => ({
    name,
    mimeType: 'text/plain',
    buffer: Buffer.from(change[name] ?? readFileSync(join(folder, name))),
  }))
  await page.locator('#files').setInputFiles(files)
}

describe.skipIf(IS_LEFT_OUT)('The page of a bundle, opened from a file', () => {
  test('verifies the bundle it contains, without a request [I6]', async () => {
    await using seen = await openPage(bundle())
    const { state, words } = await verdict(seen.page)
    expect({ state, words }).toMatchObject({
      state: 'intact',
      words: expect.stringContaining('All 300 events are exactly as the holder of the key signed'),
    })
    const facts = await seen.page.locator('#facts').innerText()
    const [, , root = ''] = readFileSync(join(bundle(), 'checkpoint'), 'utf8').split('\n')
    expect(facts).toContain(root)
    expect(facts).toContain(readFileSync(join(bundle(), 'key'), 'utf8').trim())
    expect(await seen.page.locator('#rows tr').count()).toBe(15)
    await seen.page.getByRole('button', { name: 'Show more' }).click()
    expect(await seen.page.locator('#rows tr').count()).toBe(215)
    await seen.page.getByRole('button', { name: 'Show more' }).click()
    expect(await seen.page.locator('#rows tr').count()).toBe(SIZE)
    await seen.page.locator('#filter').fill('pin 7')
    expect(await seen.page.locator('#rows tr').allInnerTexts()).not.toBeEmpty()
    for (const text of await seen.page.locator('#rows tr').allInnerTexts())
      expect(text).toContain('pin 7')
    expect([seen.requests, seen.foreign, seen.faults]).toStrictEqual([[], [], []])
  })

  test.each([
    [
      'is too old',
      'delete Object.getPrototypeOf(Uint8Array.prototype).indexOf',
      'indexOf is not a function',
    ],
    ['computes no signature', NO_LONG_NUMBERS, 'cannot compute Ed25519 signatures'],
  ])('says nothing about the log in a browser that %s', async (_, script, reason) => {
    await using seen = await openPage(bundle(), { script })
    const { page } = seen
    await page.getByText('This browser cannot check it').waitFor()
    expect(await page.locator('#verdict-words').innerText()).toContain(reason)
    expect(await page.locator('#verdict').innerText()).not.toMatch(/broken|intact|Do not rely/)
    expect(await page.locator('#events').isVisible()).toBe(false)
  })

  test('says without JavaScript that it cannot check, and not that it has no bundle', async () => {
    await using seen = await openPage(bundle(), { javaScriptEnabled: false })
    const text = await seen.page.locator('#verdict').innerText()
    expect(text).toContain('This browser cannot check it')
    expect(text).toContain('file preview')
    expect(text).not.toMatch(/does not contain|broken|intact/)
  })

  test('asks for the right key if the one entered is none', async () => {
    await using seen = await openPage(bundle())
    const { page } = seen
    await verdict(page)
    await page.locator('#expected-key').fill('x')
    await page.getByRole('button', { name: 'Verify with these' }).click()
    await page.getByText('The key that you entered cannot be used').waitFor()
    expect(await page.locator('#verdict').getAttribute('data-state')).toBe('waiting')
    expect(seen.faults).toEqual([])
  })

  test('marks an imported event, and shows its original time', async () => {
    const imported = { source: 'imported', occurredAtMs: Date.UTC(2021, 2, 4, 5, 6, 7) } as const
    const older = await recordedLog({
      size: 1,
      before: async (app) =>
        void (await app.unlocks.unlockLog.append([{ ...claimed(1), ...imported }])),
    })
    await using seen = await openPage(await exported(older, 'bundle'))
    expect((await verdict(seen.page)).state).toBe('intact')
    const [newest, oldest] = await seen.page.locator('#rows tr').allInnerTexts()
    expect(newest).toContain('imported, from 2021-03-04 05:06:07')
    expect(oldest).not.toContain('imported')
    await seen.page.locator('#filter').fill('from 2021')
    expect(await seen.page.locator('#rows tr').count()).toBe(1)
    older.remove()
  })

  test('says whom the gateway let in or refused, what locks report and what changed, also on a narrow phone', async () => {
    await using decided = await decidedLog()
    const { db, decide, folder, store, unlockLog } = decided
    await db.transaction(async (tx) =>
      unlockLog.recordIn(tx).add({
        kind: 'grant.made',
        subject: 'grant:g1',
        by: 'account-of-hedy',
        about: 'account-of-ada',
        body: { by: 'hedy', to: 'ada', locks: ['front-door'], windows: 'tue-thu 09:00 to 13:00' },
      }),
    )
    await decide('ada')
    await decide('eve')
    await unlockLog.report(reported())
    await unlockLog.report(
      reported({
        result: 'denied',
        reason: 'invalid_credential',
        accountPublicId: '',
        username: '',
      }),
    )
    await unlockLog.report(attested(1, { result: 'failed', reason: 'motor_blocked' }))
    await exportBundle(
      {
        log: unlockLog,
        store,
        clock: { wallMs: () => 0 },
        write: async (name, pieces) =>
          writeFileSync(join(folder, name), (await Array.fromAsync(pieces)).join('')),
      },
      { proofs: 5 },
    )
    await using seen = await openPage(folder, { viewport: { width: 320, height: 640 } })
    expect((await verdict(seen.page)).state).toBe('intact')
    const [jammed, stranger, opened, refused, permitted, made] = await seen.page
      .locator('#rows tr')
      .allInnerTexts()
    expect(jammed).toContain('failed: motor blocked, the lock signed it')
    expect(stranger).toContain('not known')
    expect(stranger).toContain('denied: invalid credential, says the lock')
    expect(opened).toContain('unlocked, says the lock')
    expect(refused).toContain('the gateway refused: no grant')
    expect(permitted).toContain('the gateway let ada in')
    expect(made).toContain('grant made')
    expect(made).toContain('"to":"ada"')
    await seen.page.locator('#filter').fill('tue-thu')
    expect(await seen.page.locator('#rows tr').count()).toBe(1)
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth'
    expect(await seen.page.evaluate<number>(overflow)).toBe(0)
    expect([seen.requests, seen.foreign, seen.faults]).toStrictEqual([[], [], []])
  })

  test('checks what controllers signed, with the key that the log names', async () => {
    await using signed = await decidedLog()
    const { sign, publicKey } = await testKey()
    const { unlockLog, folder, store, db } = signed
    await db.transaction(async (tx) =>
      unlockLog.recordIn(tx).add({
        kind: 'device.enrolled',
        subject: `controller:${CONTROLLER}`,
        by: null,
        about: null,
        body: { controller: CONTROLLER, key: publicKey.toBase64() },
      }),
    )
    const report = async (counter: number, by: typeof sign) => {
      const claims = { lock: '8a5be4c76e2f13d0', issuedAtS: 0, counter, previous: NO_PREVIOUS }
      const statement = await signStatement(
        { kind: 'report', ...claims, result: 'released', clockUnsure: true },
        by,
      )
      await unlockLog.report(attested(counter, { signed: { statement, counter } }))
      const write = async (name: string, pieces: Iterable<string> | AsyncIterable<string>) =>
        writeFileSync(join(folder, name), (await Array.fromAsync(pieces)).join(''))
      await exportBundle(
        { log: unlockLog, store, clock: { wallMs: () => 0 }, write },
        { proofs: 9 },
      )
      await using seen = await openPage(folder)
      return await verdict(seen.page)
    }
    expect((await report(1, sign)).state).toBe('intact')
    const { state, words } = await report(2, (await testKey()).sign)
    expect(state).toBe('broken')
    expect(words).toContain('Event 2: its statement is not one that its controller signed')
  })

  test('names the first fault of a contained bundle that was tampered with', async () => {
    const folder = join(bundle(), '../tampered')
    cpSync(bundle(), folder, { recursive: true })
    const page = readFileSync(join(folder, 'verify.html'), 'utf8')
    const at = page.indexOf(String.raw`seq\\\":41,`)
    const from = page.lastIndexOf('front-door', at)
    expect(from).toBeGreaterThan(0)
    writeFileSync(
      join(folder, 'verify.html'),
      `${page.slice(0, from)}front-dcor${page.slice(from + 10)}`,
    )
    await using seen = await openPage(folder)
    const { state, words } = await verdict(seen.page)
    expect(state).toBe('broken')
    expect(words).toContain('First fault: event number 41.')
    const top = seen.page.locator('#rows tr').first()
    expect(await top.getAttribute('class')).toBe('fault')
    expect(await top.locator('td').first().innerText()).toBe('41')
    expect([seen.requests, seen.foreign, seen.faults]).toStrictEqual([[], [], []])
  })

  test('verifies chosen files: intact, tampered with and incomplete', async () => {
    await using seen = await openPage(bundle())
    const { page } = seen
    await verdict(page)
    await chooseFiles(page, bundle())
    await page.getByText('the files you chose').first().waitFor()
    expect((await verdict(page)).state).toBe('intact')
    for (const name of FILES) {
      const text = readFileSync(join(bundle(), name), 'utf8')
      const middle = Math.floor(text.length / 2)
      const other = text[middle] === 'A' ? 'B' : 'A'
      await chooseFiles(page, bundle(), {
        [name]: text.slice(0, middle) + other + text.slice(middle + 1),
      })
      await page.locator('#verdict[data-state="broken"]').waitFor()
      if (name.endsWith('.ndjson'))
        expect((await verdict(page)).words).toContain('First fault: event number 1')
      await chooseFiles(page, bundle())
      await page.locator('#verdict[data-state="intact"]').waitFor()
    }
    await page.locator('#files').setInputFiles([join(bundle(), 'key')])
    await page.locator('#verdict[data-state="waiting"]').waitFor()
    expect(await page.locator('#verdict-words').innerText()).toBe(
      'Not among those chosen: entries.ndjson, proofs.ndjson, checkpoint.',
    )
    await page.locator('#folder').setInputFiles(bundle())
    await page.locator('#verdict[data-state="intact"]').waitFor()
    expect([seen.requests, seen.foreign, seen.faults]).toStrictEqual([[], [], []])
  })

  test('verifies the chosen folder, not an intact copy inside it', async () => {
    const folder = join(log().dataDir, '..', 'nested')
    cpSync(bundle(), folder, { recursive: true })
    cpSync(bundle(), join(folder, 'zz'), { recursive: true })
    const path = join(folder, 'entries.ndjson')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"ada"', '"eve"'))
    const { page } = await openPage(bundle())
    await page.locator('#folder').setInputFiles(folder)
    await page.locator('#verdict[data-state="broken"]').waitFor()
    expect((await verdict(page)).words).toContain('its account, name or method was changed')
    await page.context().close()
  })

  test('compares with a kept checkpoint and the expected key', async () => {
    const kept = readFileSync(log().kept(100), 'utf8')
    const key = readFileSync(join(bundle(), 'key'), 'utf8')
    using copy = log().copy()
    copy.edit((db) => {
      db.run("UPDATE unlock_event SET lock = 'back-door' WHERE seq = 41")
      restamp(db, copy.signer())
    })
    for (const [folder, state] of [
      [bundle(), 'intact'],
      [await exported(copy, 'anew'), 'broken'],
    ] as const) {
      await using seen = await openPage(folder)
      const { page } = seen
      expect((await verdict(page)).state).toBe('intact')
      await page.locator('#expected-key').fill(key)
      await page.locator('#kept').fill(kept)
      await page.getByRole('button', { name: 'Verify with these' }).click()
      await page.locator(`#verdict[data-state="${state}"]`).waitFor()
      await page.getByText(state === 'intact' ? 'it only grew' : 'do not match the kept').waitFor()
      await page.locator('#expected-key').fill('x')
      await page.getByRole('button', { name: 'Verify with these' }).click()
      await page.getByText('The key is malformed').waitFor()
      expect([seen.requests, seen.foreign, seen.faults]).toStrictEqual([[], [], []])
    }
  })

  test('is calm to look at on every screen, intact and broken', async () => {
    await using seen = await openPage(bundle(), { bypassCSP: true })
    const { page } = seen
    const entries = readFileSync(join(bundle(), 'entries.ndjson'), 'utf8')
    for (const state of ['intact', 'broken'] as const) {
      if (state === 'broken')
        await chooseFiles(page, bundle(), {
          'entries.ndjson': entries.replaceAll('"pin 43"', '"pin"'),
        })
      await page.locator(`#verdict[data-state="${state}"]`).waitFor()
      await page.evaluate(axe.source)
      const hiddenPx = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(
        document.querySelector('.scroll'))`
      await inAllLooks(page, `verifier-${state}`, {
        check: async () => {
          const found = await page.evaluate<{ violations: { id: string }[] }>(
            "axe.run({ resultTypes: ['violations'] })",
          )
          expect(found.violations.map(({ id }) => id)).toStrictEqual([])
          // The whole table is in sight.
          expect(await page.evaluate<number>(hiddenPx)).toBe(0)
        },
      })
      await page.setViewportSize(NARROWEST)
      expect(await page.evaluate<number>(hiddenPx)).toBe(0)
    }
  })
})
