import { expect } from 'bun:test'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED } from '../../support/binary.ts'
import { type Visit, useService, visit } from '../chromium.ts'
import { PHONE } from '../looks.ts'

/** A home in Berlin whose owner is Ada. */
export const useHome = (env: Readonly<Record<string, string>> = {}) =>
  useService({ env: { ...UNLIMITED, HOME_ZONE: 'Europe/Berlin', ...env } }, ({ folder }) =>
    addAccount('Ada', { role: 'owner', folder }),
  )

type Json = Readonly<Record<string, unknown>>

/** Calls the API as Ada. */
export const asAda = async ({ url }: Service) => {
  const ada = bearer(await tokenFor(url, 'Ada'))
  const client = clientOf(url)
  const json = async <Value>(answer: Promise<Response>): Promise<Value> => {
    const given = await answer
    const body = (await given.json()) as Value
    expect({ isOk: given.ok, body }).toMatchObject({ isOk: true })
    return body
  }
  return {
    get: <Value>(path: string) => json<Value>(client.get(path, ada)),
    post: <Value>(path: string, body: Json = {}) => json<Value>(client.post(path, body, ada)),
    patch: <Value>(path: string, body: Json, headers: Record<string, string> = {}) =>
      json<Value>(client.patch(path, body, { ...ada, ...headers })),
  }
}

export type Invited = {
  /** Of the pass, and of its grant. */
  readonly id: string
  readonly grant: string
  /** The path of its link, with the code. */
  readonly path: string
}

/** Makes a pass for the plumber, and returns its link. */
export const invite = async (
  service: Service,
  { pass = {}, ...terms }: Json & { readonly pass?: Json } = {},
): Promise<Invited> => {
  const { post } = await asAda(service)
  const made = await post<{ id: string; link: string; holder: { pass: { id: string } } }>(
    '/v1/grants',
    { holder: { pass: { label: 'Plumber', ...pass } }, locks: ['front-door'], ...terms },
  )
  const { pathname, hash } = new URL(made.link)
  return { id: made.holder.pass.id, grant: made.id, path: pathname + hash }
}

/** Changes the terms of a pass. */
export const change = async (service: Service, { grant }: Invited, terms: Json): Promise<void> => {
  const { get, patch } = await asAda(service)
  const { version } = await get<{ version: number }>(`/v1/grants/${grant}`)
  await patch(`/v1/grants/${grant}`, terms, { 'if-match': `"${version}"` })
}

type Event = {
  readonly lock: string
  readonly result: string
  readonly reason: string | null
  readonly method: string
}

/** Returns what guests did at the doors, newest first. */
export const guestEvents = async (service: Service): Promise<readonly Event[]> => {
  const { get } = await asAda(service)
  const { unlocks } = await get<{ unlocks: Event[] }>('/v1/unlocks?limit=200')
  return unlocks.filter(({ method }) => method === 'guest')
}

/** Opens a path on a guest's phone, in a new profile. */
export const onPhone = async (
  browser: Browser,
  { url }: Pick<Service, 'url'>,
  path: string,
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const seen = await visit(browser, url, {
    viewport: PHONE,
    timezoneId: 'Europe/Paris',
    ...options,
  })
  await seen.page.goto(path)
  return seen
}

/** Uses the pass on this phone, and waits for its doors. */
export const usePass = async (page: Page, door?: string): Promise<void> => {
  await page.getByRole('button', { name: 'Use on this phone' }).click()
  await holdButton(page, door).waitFor()
}

export const holdButton = (page: Page, door = 'Front door') =>
  page.getByRole('button', { name: `Hold to open: ${door}` })

/** Presses the button of a door, and holds it until the page asks the gateway. */
export const holdToOpen = async (page: Page, door?: string): Promise<void> => {
  await holdButton(page, door).hover()
  const asked = page.waitForRequest(isUnlock)
  await page.mouse.down()
  await asked
  await page.mouse.up()
}

export const isUnlock = (request: { url: () => string }): boolean =>
  request.url().endsWith('/v1/guest/unlock')
