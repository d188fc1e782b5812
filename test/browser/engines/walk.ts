import { expect } from 'bun:test'
import { PAGES } from '../../../src/manual/pages.ts'
import { tokenFor } from '../../support/accounts.ts'
import { PASSWORD, bearer, clientOf } from '../../support/app.ts'

/** What a walk needs of a browser. */
export type Walker = {
  readonly go: (url: string) => Promise<void>
  /** Returns what an expression is in the page. */
  readonly evaluate: <Value>(expression: string) => Promise<Value>
}

type Home = {
  readonly url: string
  readonly ids: Readonly<Record<string, string>>
  readonly size: number
}

/** Visits every page of the server as the owner, and checks on each what a browser that lacks something
 * shows wrong without a sign: filters, sessions of others, the end of a list, a receipt, a chart. */
export const walkPages = async (walker: Walker, { url, ids, size }: Home): Promise<void> => {
  const client = clientOf(url)
  const ada = ids['ada'] ?? ''
  await tokenFor(url, 'ada') // Her only session.
  const token = await tokenFor(url, 'oli')
  const unlocksOf = async (query: string) => {
    const answer = await client.get(`/v1/unlocks?limit=200&${query}`, bearer(token))
    return ((await answer.json()) as { unlocks: { id: string; username: string }[] }).unlocks
  }
  const { go, holds, count, click } = stepsOf(walker, url)

  await go('/join')
  await holds(hasText('Invitation code'))
  await go('/console/new-password')
  await holds(hasText('Set a new password'))

  await go('/console')
  await submitLogin(walker, 'oli')
  await holds(hasText('unlocks in 30 days'))
  await holds(`document.querySelectorAll('.bars canvas').length === 2`)
  await holds(`document.querySelector('.live.on') !== null`)
  await holds(BARS_HAVE_ACCENT)

  await go('/console/log')
  await holds(`document.querySelectorAll('.list > li').length > 20`)
  await holds(`(() => {
    scrollTo(0, document.documentElement.scrollHeight)
    return document.querySelector('.more') === null
  })()`)
  expect(await count('.list > li')).toBe(size)

  await go(`/console/log?account=${ada}`)
  const own = await unlocksOf(`account=${ada}`)
  expect(own.length).toBeLessThan(size)
  await holds(`document.querySelectorAll('.list > li').length === ${own.length}`)
  expect(
    await walker.evaluate<number>(
      `[...document.querySelectorAll('.list > li')].filter((row) => row.innerText.includes('ada')).length`,
    ),
  ).toBe(own.length)

  await go(`/console/log/${own[0]?.id}`)
  await holds(hasText('Receipt'))
  await click('Verify')
  await holds(hasText('The receipt is valid'))

  await go('/console/people')
  await holds(`document.querySelectorAll('.list > li').length === ${Object.keys(ids).length}`)
  await go(`/console/people/${ada}`)
  await holds(hasText('Where they are logged in'))
  await holds(`document.querySelector('[aria-label="Sessions"]') !== null`)
  expect(await count('[aria-label="Sessions"] > li')).toBe(1)
  expect(await walker.evaluate<boolean>(hasText('this session'))).toBe(false)

  for (const [path, text] of [
    ['invitations', 'No invitations'],
    ['invitations/many', 'Each line becomes an invitation'],
    ['connections', 'Not connected'],
    ['security', 'Who may register'],
    ['security/audit', 'logged in'],
    ['myself', 'this session'],
  ] as const) {
    await go(`/console/${path}`)
    await holds(hasText(text))
  }
  for (const path of ['/getLogs', '/getUsers']) {
    await go(path)
    await holds(`document.querySelectorAll('tbody tr').length > 4`)
  }
  await go('/swagger')
  await holds(`document.querySelectorAll('.opblock-tag').length > 5`)
  for (const name of ['', ...PAGES.keys()]) {
    await go(`/manual/${name}`.replace(/\/$/, ''))
    await holds(`!document.querySelector('search').hidden`)
  }

  await go('/console/myself')
  await holds(hasText('this session'))
  await click('Log out')
  await holds(hasText('You are logged out.'))
}

/** Logs in as a password manager does: without the events of a keyboard, and all in one go. */
export const submitLogin = async (walker: Walker, username: string): Promise<void> => {
  await holds(walker, `document.querySelectorAll('input').length === 2`)
  await walker.evaluate(`(() => {
    const [name, password] = document.querySelectorAll('input')
    name.value = ${JSON.stringify(username)}
    password.value = ${JSON.stringify(PASSWORD)}
    password.form.requestSubmit()
  })()`)
}

const stepsOf = (walker: Walker, url: string) => ({
  go: async (path: string): Promise<void> => {
    await walker.go(url + path)
    // Colours came through: a page whose variables are not known is transparent.
    const paper = await walker.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    expect([path, paper]).toEqual([path, expect.stringMatching(/^rgb\(/)])
  },
  holds: (expression: string) => holds(walker, expression),
  count: (selector: string) =>
    walker.evaluate<number>(`document.querySelectorAll('${selector}').length`),
  click: (text: string) =>
    walker.evaluate(`[...document.querySelectorAll('button')]
      .find((button) => button.innerText.trim() === '${text}').click()`),
})

/** Waits for an expression to be true in the page. Fails where the page says that it failed. */
export const holds = async ({ evaluate }: Walker, expression: string): Promise<void> => {
  const deadline = performance.now() + HOLDS_MS_MAX
  const ask = <Value>(asked: string): Promise<Value | undefined> =>
    evaluate<Value>(asked).catch((error: unknown) => {
      if (!IS_LEFT.test(String(error))) throw error
      return undefined
    })
  for (;;) {
    const words = (await ask<string>('location.href + "\\n" + document.body.innerText')) ?? ''
    const isFailed = FAILURE.test(words) || performance.now() > deadline
    if (isFailed) throw new Error(`It does not hold that ${expression} on ${words}`)
    if (await ask<boolean>(expression)) return
    await Bun.sleep(POLL_MS)
  }
}

const HOLDS_MS_MAX = 60_000
const POLL_MS = 50
/** What WebKit answers if a page goes while it is asked; the next one is on its way. */
const IS_LEFT = /before the unload event/
const FAILURE = /went wrong|cannot be shown|has not started|Lost the connection/

/** Whether a page shows a text, as an expression. */
export const hasText = (text: string): string =>
  `document.body.innerText.includes(${JSON.stringify(text)})`

/** Whether the first chart has bars in the accent colour, and not in black. */
const BARS_HAVE_ACCENT = `(() => {
  const probe = document.createElement('a')
  document.querySelector('main').append(probe)
  const [red, green, blue] = getComputedStyle(probe).color.match(/\\d+/g).map(Number)
  probe.remove()
  const canvas = document.querySelector('.bars canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let found = 0
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255)
      found += 1
  return found > 50
})()`
