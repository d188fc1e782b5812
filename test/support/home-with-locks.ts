import type { Role } from '../../src/domain/account.ts'
import type { GrantJson } from '../../src/locks/grants/schema.ts'
import { bearer, startApp } from './app.ts'
import { at } from './grants.ts'
import { household } from './household.ts'

type Answer<Body> = { readonly status: number; readonly body: Body }
type Refusal = {
  readonly code?: string
  readonly detail?: string
  readonly fields?: Readonly<Record<string, string>>
}

/** A home in Berlin on Monday, 19 March 2040, at 11:00, with the locks front-door, garage and (retired)
 * cellar. Oli owns it, Amy is an admin, Eva and Max are members. */
export const homeWithLocks = async (
  roles: Readonly<Record<string, Role>> = {},
  env: Readonly<Record<string, string>> = {},
) => {
  const app = await startApp({ HOME_ZONE: 'Europe/Berlin', ...env })
  app.clock.nowMs = at('2040-03-19T10:00Z')
  const person = await household(app, {
    oli: 'owner',
    amy: 'admin',
    eva: 'member',
    max: 'member',
    ...roles,
  })
  const tokens = new Map<string, string>()
  const as = (name: string) => bearer(tokens.get(name) ?? person(name).token)
  for (const [label, name] of Object.entries(LOCKS))
    if ((await app.post('/v1/locks', { label, name }, as('oli'))).status !== 200)
      throw new Error('the lock was not added')
  await app.patch('/v1/locks/cellar', { state: 'retired' }, as('oli'))

  const read = async <Body>(answer: Promise<Response>): Promise<Answer<Body>> => {
    const response = await answer
    return { status: response.status, body: (await response.json()) as Body }
  }
  return {
    ...app,
    as,
    idOf: (name: string) => person(name).id,
    holder: (name: string) => ({ account: person(name).id }),
    /** Lets that much time pass; whoever acts then, has logged in again. */
    later: async (ms: number, ...names: readonly string[]) => {
      app.clock.nowMs += ms
      for (const name of names) tokens.set(name, await app.logIn(name))
    },
    /** Makes a grant as an owner, or as somebody else. */
    grant: (body: object, by = 'oli') =>
      read<GrantJson & Refusal>(app.post('/v1/grants', body, as(by))),
    preview: (body: object, by = 'oli') =>
      read<Pick<GrantJson, 'words' | 'occurs'> & Refusal>(
        app.post('/v1/grants/preview', body, as(by)),
      ),
    change: (id: string, body: object, version?: number | string, by = 'oli') =>
      read<GrantJson & Refusal>(
        app.patch(`/v1/grants/${id}`, body, {
          ...as(by),
          ...(version === undefined ? {} : { 'if-match': `"${version}"` }),
        }),
      ),
    revoke: (id: string, body: object = {}, by = 'oli') =>
      read<{ effective: { lock: string; now: true; at: string }[] } & Refusal>(
        app.post(`/v1/grants/${id}/revocation`, body, as(by)),
      ),
    grants: (query = '', by = 'oli') =>
      read<{ grants: GrantJson[]; next: string | null } & Refusal>(
        app.get(`/v1/grants${query}`, as(by)),
      ),
    find: (id: string, by = 'oli') =>
      read<GrantJson & Refusal>(app.get(`/v1/grants/${id}`, as(by))),
    [Symbol.asyncDispose]: app[Symbol.asyncDispose],
  }
}

const LOCKS = { 'front-door': 'Front door', garage: 'Garage', cellar: 'Cellar' }
