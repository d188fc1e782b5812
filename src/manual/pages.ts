import changelog from '../../CHANGELOG.md' with { type: 'text' }
import vulnerabilities from '../../SECURITY.md' with { type: 'text' }
import accessTokens from './access-tokens.md' with { type: 'text' }
import accounts from './accounts.md' with { type: 'text' }
import api from './api.md' with { type: 'text' }
import auditEvents from './audit-events.md' with { type: 'text' }
import backups from './backups.md' with { type: 'text' }
import commands from './commands.md' with { type: 'text' }
import controller from './controller.md' with { type: 'text' }
import doors from './doors.md' with { type: 'text' }
import firstOpening from './first-opening.md' with { type: 'text' }
import gettingStarted from './getting-started.md' with { type: 'text' }
import guests from './guests.md' with { type: 'text' }
import home from './home.md' with { type: 'text' }
import homeAssistant from './home-assistant.md' with { type: 'text' }
import https from './https.md' with { type: 'text' }
import install from './install.md' with { type: 'text' }
import legacyServer from './legacy-server.md' with { type: 'text' }
import lockClient from './lock_client.dart' with { type: 'text' }
import metrics from './metrics.md' with { type: 'text' }
import phoneApp from './phone-app.md' with { type: 'text' }
import postgresql from './postgresql.md' with { type: 'text' }
import proxy from './proxy.md' with { type: 'text' }
import releases from './releases.md' with { type: 'text' }
import secondFactor from './second-factor.md' with { type: 'text' }
import security from './security.md' with { type: 'text' }
import settings from './settings.md' with { type: 'text' }
import troubleshooting from './troubleshooting.md' with { type: 'text' }
import unlockLog from './unlock-log.md' with { type: 'text' }

// All of the manual is text in the executable. Only the routes of the manual and `help` import this
// file, and only when someone reads, so that it takes no memory otherwise.

export type Page = {
  /** The last part of its address, and the topic of `help`. */
  readonly name: string
  readonly title: string
  /** The first paragraph, which says who the page is for. */
  readonly intro: string
  readonly markdown: string
}

/** The pages by reader, in the order in which one would read them. */
const SOURCES = {
  'Start here': {
    'getting-started': gettingStarted,
    'first-opening': firstOpening,
    install,
  },
  'Run the server': {
    https,
    proxy,
    backups,
    postgresql,
    settings,
    commands,
    metrics,
    troubleshooting,
    'legacy-server': legacyServer,
  },
  'People and unlocks': {
    accounts,
    doors,
    guests,
    controller,
    'second-factor': secondFactor,
    'unlock-log': unlockLog,
    'audit-events': auditEvents,
  },
  'Your home': { home, 'home-assistant': homeAssistant },
  'Write an app': { 'phone-app': phoneApp, 'access-tokens': accessTokens, api },
  'Trust and releases': { security, vulnerabilities, releases, changelog },
} as const

/** Titles of the pages whose own is that of another page too. */
const TITLES: Readonly<Record<string, string>> = { vulnerabilities: 'Report a vulnerability' }

const pageOf = (name: string, markdown: string): Page => ({
  name,
  title: TITLES[name] ?? /^# (.+)$/m.exec(markdown)?.[1] ?? name,
  intro: /^# .+\n\n(.+)\n/.exec(markdown)?.[1] ?? '',
  markdown,
})

export const GROUPS: readonly { readonly title: string; readonly pages: readonly Page[] }[] =
  Object.entries(SOURCES).map(([title, sources]) => ({
    title,
    pages: Object.entries(sources).map(([name, markdown]) => pageOf(name, markdown)),
  }))

export const PAGES: ReadonlyMap<string, Page> = new Map(
  GROUPS.flatMap(({ pages }) => pages.map((page) => [page.name, page])),
)

/** Other files that pages link to. */
export const FILES: Readonly<Record<string, string>> = { 'lock_client.dart': lockClient }

/** What a link of a page leads to. */
export type Target =
  | { readonly kind: 'page'; readonly name: string; readonly anchor: string }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'web'; readonly url: string }
  /** A file of the repository that is not in the executable. */
  | { readonly kind: 'elsewhere' }

/** Resolves a link of a page, written for readers of the repository. A link within the same page has
 * an empty name. */
export const targetOf = (href: string): Target => {
  if (/^https?:/.test(href)) return { kind: 'web', url: href }
  const [path = '', anchor = ''] = href.split('#')
  const file = path.split('/').at(-1) ?? ''
  if (Object.hasOwn(FILES, file)) return { kind: 'file', name: file }
  const name = OUTSIDE[file] ?? file.replace(/\.md$/, '')
  if (name !== '' && !PAGES.has(name)) return { kind: 'elsewhere' }
  return { kind: 'page', name, anchor }
}

/** The pages that are not in this folder. */
const OUTSIDE: Readonly<Record<string, string>> = {
  'CHANGELOG.md': 'changelog',
  'SECURITY.md': 'vulnerabilities',
}

/** Returns the anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
