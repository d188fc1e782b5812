import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { OLDEST_BROWSERS, browserBundle } from '../../../src/http/page/browser-bundle.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'
import { IS_LEFT_OUT, useBrowser, useResource, visit } from '../chromium.ts'
import { expectCalm } from '../console/console.ts'
import { household } from '../console/household.ts'
import { BUILTINS, CSS_PROPERTIES, TAKE_AWAY, WEB_APIS } from './older-browsers.ts'
import { walkPages } from './walk.ts'

const SCRIPTS = [
  'console/app/main.tsx',
  'console/app/chart.ts',
  'console/app/proof.ts',
  'guests/page/browser/main.ts',
  'http/page/page.js',
  'manual/manual.js',
  'unlocks/bundle/page/main.ts',
]

const STYLES = [
  'console/app/style/app.css',
  'guests/page/browser/guest.css',
  'http/page/page.css',
  'manual/manual.css',
  'unlocks/bundle/page/verify.css',
]

/** The interfaces whose members our scripts may use by mistake; the data has hundreds of others. */
const INTERFACES: ReadonlySet<string> = new Set(
  `AbortController AbortSignal Blob Document Element Event EventTarget FormData Headers HTMLElement
   HTMLDialogElement HTMLFormElement Navigator Node ReadableStream Request Response URL URLSearchParams
   Window`.split(/\s+/),
)

/** Names of too new members that scripts have for something of their own or of a library; Preact looks
 * for `moveBefore` before it uses it, the console for `share`, `token.use` is an audit action, and `bytes` reads a statement. */
const OTHERWISE_USED: ReadonlySet<string> = new Set(
  'bytes displayName dispose drop external move moveBefore restore role share take transfer use windows'.split(
    ' ',
  ),
)

/** Where a browser does not know these, nothing is hidden or lost. */
const DECORATIVE: ReadonlySet<string> = new Set([
  'accent-color',
  'forced-color-adjust', // Safari has no forced colours.
  'user-select',
])

describe('what browsers get', () => {
  const features = [...BUILTINS, ...WEB_APIS.filter(({ owner }) => INTERFACES.has(owner))]
  const known = new Set(features.flatMap((one) => (one.isEverywhere ? (one.member ?? []) : [])))
  const tooNew = features.filter((feature) => !feature.isEverywhere)

  test.each(SCRIPTS)('%s names no member that one of the oldest browsers lacks', (entry) => {
    const script = browserBundle(entry)
    const names = new Set(
      [...script.matchAll(/(?<!\.)\.([A-Za-z_$][\w$]*)/g)].map(([, name]) => name),
    )
    const members = tooNew.flatMap(({ member = '' }) =>
      names.has(member) && !known.has(member) && !OTHERWISE_USED.has(member) ? [member] : [],
    )
    const statics = tooNew.filter(({ owner, member }) => script.includes(`${owner}.${member}(`))
    expect({ members, statics }).toEqual({ members: [], statics: [] })
    // Flags of a regular expression that the build leaves as they are.
    expect(script).not.toMatch(/new RegExp\([^)]*,\s*["'][a-z]*v[a-z]*["']\)/)
  })

  test.each(STYLES)('%s has no syntax or property that one of them does not know', (entry) => {
    const style = browserBundle(entry, '--minify')
    expect(style).not.toMatch(
      /light-dark\(|@property|@container|@layer|@starting-style|color-mix\(|&/,
    )
    const names = [...style.matchAll(/[{;]\s*([a-z][a-z-]*):/g)].map(([, name = '']) => name)
    const unknown = names.filter((name) => !CSS_PROPERTIES.has(name) && !DECORATIVE.has(name))
    expect(unknown).toEqual([])
  })

  test('is for the browsers that the manual names', () => {
    const manual = readFileSync(join(import.meta.dir, '../../../src/manual/install.md'), 'utf8')
    const { chrome, firefox, safari } = OLDEST_BROWSERS
    expect(manual).toContain(`Safari and iOS ${safari}, Firefox ${firefox} and Chrome ${chrome}`)
  })
})

const browser = useBrowser()
const home = useResource(
  () => household(30),
  ({ folder }) => rmSync(folder, { recursive: true }),
)

describe.skipIf(IS_LEFT_OUT)('a browser without anything that one of the oldest lacks', () => {
  test('walks every page and sees what is right on each', async () => {
    await using service = await startService({ folder: home().folder, env: UNLIMITED })
    await using seen = await visit(browser(), service.url)
    const { page } = seen
    await page.addInitScript({ content: TAKE_AWAY })
    await page.goto('/join')
    const gone = await page.evaluate<unknown[]>(`[
      'size' in URLSearchParams.prototype,
      'any' in AbortSignal,
      'isWellFormed' in String.prototype,
      'toSorted' in Array.prototype,
      'toReversed' in Array.prototype,
      'BroadcastChannel' in globalThis,
      'withResolvers' in Promise,
      'map' in (globalThis.Iterator?.prototype ?? {}),
    ]`)
    expect(gone).toEqual(gone.map(() => false))
    await walkPages(
      {
        go: async (url) => void (await page.goto(url)),
        evaluate: (script) => page.evaluate(script),
      },
      { url: service.url, ids: home().ids, size: home().size },
    )
    expectCalm(seen)
  })
})
