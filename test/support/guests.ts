import type { GuestPassJson } from '../../src/guests/visit/schema.ts'
import type { DecisionJson } from '../../src/locks/decisions/schema.ts'
import type { GrantJson } from '../../src/locks/grants/schema.ts'

type Client = {
  readonly url: string
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>
  readonly post: (
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>
}

export type Answer<Body> = { readonly status: number; readonly body: Body & Refusal }
type Refusal = { readonly code?: string; readonly detail?: string }

export type NewPass = GrantJson & { readonly link: string; readonly qr_svg: string }

const answerOf = async <Body>(sent: Promise<Response>): Promise<Answer<Body>> => {
  const answer = await sent
  return { status: answer.status, body: (await answer.json()) as Body & Refusal }
}

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/18.5 Mobile/15E148 Safari/604.1'

/** The code in the link of a pass. */
export const codeOf = ({ link }: { readonly link: string }): string =>
  new URL(link).hash.replace('#pass=', '')

/** The id of the pass that holds a grant. */
export const passIdOf = ({ holder }: Pick<GrantJson, 'holder'>): string =>
  holder !== null && 'pass' in holder ? holder.pass.id : ''

/** A phone of a guest, which keeps its cookie as a browser does. */
export const guestPhone = ({ url, get, post }: Client, userAgent = IPHONE) => {
  let cookie = ''
  const headers = () => ({
    origin: url,
    'user-agent': userAgent,
    ...(cookie ? { cookie } : {}),
  })
  const keep = async (sent: Promise<Response>): Promise<Response> => {
    const answer = await sent
    const [set] = answer.headers.getSetCookie()
    if (set) cookie = set.split(';')[0] ?? ''
    return answer
  }
  return {
    cookie: () => cookie,
    look: (code: string) => answerOf<GuestPassJson>(post('/v1/guest/look', { code }, headers())),
    bind: (code: string, publicKey?: string) =>
      answerOf<GuestPassJson>(
        keep(
          post(
            '/v1/guest/bind',
            { code, ...(publicKey === undefined ? {} : { public_key: publicKey }) },
            headers(),
          ),
        ),
      ),
    pass: () => answerOf<GuestPassJson>(keep(get('/v1/guest/pass', headers()))),
    rekey: (publicKey: string) =>
      answerOf<{ device: string }>(post('/v1/guest/rekey', { public_key: publicKey }, headers())),
    ask: () => answerOf<{ asked_at: string }>(post('/v1/guest/ask', {}, headers())),
    unlock: (given: { id?: string; lock?: string; statement?: string } = {}) =>
      answerOf<DecisionJson>(
        post(
          '/v1/guest/unlock',
          { id: crypto.randomUUID(), lock: 'front-door', ...given },
          headers(),
        ),
      ),
    attempt: (id: string, query = '') =>
      answerOf<{ decision: string; delivery: string }>(
        get(`/v1/guest/attempts/${id}${query}`, headers()),
      ),
  }
}

/** Invites a guest to all doors, and returns the headers of a phone that uses the pass. */
export const guestHeaders = async (
  client: Client,
  host: Record<string, string>,
): Promise<{ readonly cookie: string }> => {
  const body = { holder: { pass: { label: 'Guest' } }, locks: 'all' }
  const made = await answerOf<NewPass>(client.post('/v1/grants', body, host))
  const phone = guestPhone(client)
  await phone.bind(codeOf(made.body))
  return { cookie: phone.cookie() }
}
