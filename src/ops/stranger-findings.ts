import { type Account, mayActOn } from '../domain/account.ts'
import { type Finding, idAbout } from './finding.ts'

/** Failed logins that led to a lockout. */
export type Guesses = {
  /** Whose name it was at; undefined for clients that tried many names. */
  readonly account: (Pick<Account, 'username' | 'role'> & { readonly publicId: string }) | undefined
  readonly addresses: readonly string[]
  readonly times: number
  /** When the newest of these lockouts began. */
  readonly lockedAtMs: number
}

const GUESSES_MAX = 10

/** Reports whose password somebody guessed at in the last days, the most tried first. Without
 * `seesOwners`, it does not say from where somebody tried an owner's name, which may be the owner. */
export const guessFindings = (
  guesses: readonly Guesses[],
  seesOwners: boolean,
): readonly Finding[] =>
  guesses.length === 0
    ? [
        {
          check: 'logins',
          state: 'ok',
          says: 'Nobody was locked out for guessing in the last 7 days',
        },
      ]
    : guesses.slice(0, GUESSES_MAX).map(({ account, addresses, times, lockedAtMs }) => {
        const isShown = seesOwners || !account || mayActOn('admin', account.role)
        const from = isShown && addresses.length > 0 ? `, from ${placesOf(addresses)}` : ''
        return {
          check: 'logins',
          state: 'warning',
          says: account
            ? `Somebody guessed at ${account.username}’s password (${timesOf(times)}${from})`
            : `Somebody guessed at names and passwords (${timesOf(times)}${from})`,
          fix: account
            ? `Ask ${account.username}: if it was them, all is well. If not, somebody on your network is trying to get in: each wrong guess makes them wait longer, and a long password, used nowhere else, keeps them out`
            : 'Find out whose device that is. Each wrong guess makes it wait longer, and long passwords, used nowhere else, keep it out',
          page: '/console/security',
          // Who accepts today's guesses has not seen tomorrow's.
          id: idAbout('guesses', account?.publicId ?? '', placesOf(addresses), dayOf(lockedAtMs)),
        }
      })

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

const timesOf = (count: number): string => `${count.toLocaleString('en')} times`

const placesOf = ([address = '', ...more]: readonly string[]): string =>
  more.length > 0 ? 'several addresses' : address

type Proxies = {
  /** Addresses that forward requests and are not trusted. */
  readonly forwarders: readonly string[]
  /** Addresses that forward requests without saying for whom. */
  readonly silent: readonly string[]
}

/** Checks whether requests come through a proxy that no setting names, or that does not say for whom it
 * asks: limits and lockouts then treat all its clients as one. */
export const proxyFindings = ({ forwarders, silent }: Proxies): readonly Finding[] => {
  const warning = { check: 'proxy', state: 'warning', page: '/manual/proxy#check-it' } as const
  const found: readonly Finding[] = [
    ...silent.map((address) => ({
      ...warning,
      says: `A proxy at ${address} does not say whose requests it passes on, so one person’s wrong passwords may lock out everyone behind it`,
      fix: 'If your proxy runs there, make it set X-Forwarded-For and add it to TRUSTED_PROXIES: see secure-lock-server help proxy; if not, change nothing',
      id: idAbout('proxy-silent', address),
    })),
    ...forwarders.map((address) => ({
      ...warning,
      says: `Requests that ${address} passes on count as its own, since it is not in TRUSTED_PROXIES`,
      fix: 'If that is your proxy, add it to TRUSTED_PROXIES; if not, someone is pretending to be one',
      id: idAbout('proxy-untrusted', address),
    })),
  ]
  return found.length > 0
    ? found
    : [{ check: 'proxy', state: 'ok', says: 'No unknown proxy passes on requests' }]
}

/** Checks whether a Prometheus lacks the token. */
export const metricsFindings = (refused: readonly string[]): readonly Finding[] =>
  refused.length === 0
    ? [{ check: 'metrics', state: 'ok', says: 'Nobody asked for metrics without a valid token' }]
    : refused.map((address) => ({
        check: 'metrics',
        state: 'warning',
        says: `Somebody at ${address} asked for metrics (/metrics) without a valid token`,
        fix: 'If that is your Prometheus, give it the token: see secure-lock-server help metrics; if not, change nothing',
        page: '/manual/metrics#scrape',
        id: idAbout('metrics-refused', address),
      }))
