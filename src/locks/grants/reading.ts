import { type Account, hasRole } from '../../domain/account.ts'
import type { Clock } from '../../domain/clock.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { AppError } from '../../errors.ts'
import type { Queries } from '../../storage/database.ts'
import type { ReadHome } from '../home/home.ts'
import { holderText, holdersOf } from './holder.ts'
import { wordsOf } from '../rules/explain.ts'
import { asGrant, grantJson, ownGrantJson } from './json.ts'
import type { GrantJson } from './schema.ts'
import { type GrantFilter, type StoredGrant, grantReads } from './reads-store.ts'

export type GrantReading = ReturnType<typeof grantReading>

type Dependencies = {
  readonly db: Queries
  readonly readHome: ReadHome
  readonly clock: Pick<Clock, 'nonDecreasingMs'>
}

/** Who reads: an account, or undefined for the command line. Admins and owners see all grants; others
 * their own, those of their role, and nothing about other people. */
type Viewer = Pick<Account, 'publicId' | 'role' | 'admitted'> | undefined

export type GrantSearch = {
  readonly filter: Pick<GrantFilter, 'lock' | 'state'> & { readonly holder?: string | undefined }
  /** The id of the last grant of the page before. */
  readonly cursor?: string | undefined
  readonly limit: number
  readonly signal?: AbortSignal
}

export const NO_SUCH_GRANT = 'No such grant'

/** Shows grants to those who may see them. */
export const grantReading = ({ db, readHome, clock }: Dependencies) => {
  const show = async (viewer: Viewer, grant: StoredGrant): Promise<GrantJson> => {
    const shown = { home: await readHome(db), nowMs: clock.nonDecreasingMs() }
    return seesAll(viewer) || isHostOf(viewer, grant)
      ? grantJson(grant, shown)
      : ownGrantJson(grant, shown)
  }

  return {
    show,

    /** Throws `not_found`, also for a grant that the viewer may not see. */
    find: async (viewer: Viewer, id: string): Promise<GrantJson> => {
      const found = await grantReads(db, clock.nonDecreasingMs()).find(id)
      if (!found || !maySee(viewer, found)) throw new AppError('not_found', NO_SUCH_GRANT)
      return show(viewer, found)
    },

    /** Returns the grant of a pass, as its host sees it, and when it opens in words; undefined if there is none. */
    ofPass: async (passId: string) => {
      const nowMs = clock.nonDecreasingMs()
      const page = { beforeId: undefined, limit: 1 }
      const filter = { holders: [holderText({ pass: passId })] }
      const [found] = await grantReads(db, nowMs).page(filter, page)
      const shown = { home: await readHome(db), nowMs }
      return found && { grant: grantJson(found, shown), words: wordsOf(asGrant(found), shown) }
    },

    /** Returns a page, newest first; `next` is the cursor of the next one. */
    page: async (viewer: Viewer, { filter, cursor, limit, signal }: GrantSearch) => {
      const { holder, lock, state } = filter
      const asked = holder === undefined ? undefined : [holder]
      const madeBy = holder?.startsWith('pass:') ? viewer?.publicId : undefined
      const holders = madeBy === undefined ? visibleHolders(viewer, asked) : asked
      const page = { beforeId: cursor, limit: limit + 1 }
      const found = await grantReads(db, clock.nonDecreasingMs()).page(
        { holders, lock, state },
        page,
      )
      if (!found.every((grant) => maySee(viewer, grant))) return { grants: [], next: null }
      const grants: GrantJson[] = []
      for (const grant of found.slice(0, limit)) {
        // Finding the openings of many windows takes milliseconds.
        await takeTurn(signal)
        grants.push(await show(viewer, grant))
      }
      return { grants, next: found.length > limit ? (grants.at(-1)?.id ?? null) : null }
    },
  }
}

const seesAll = (viewer: Viewer): boolean => viewer === undefined || hasRole(viewer, 'admin')

/** People who wait to be let in do not learn which doors there are. */
const holdersOfViewer = (viewer: NonNullable<Viewer>): readonly string[] =>
  viewer.admitted ? holdersOf(viewer) : [holderText({ account: viewer.publicId })]

/** Returns the holders, among those asked for, whose grants a viewer sees; undefined for all. */
const visibleHolders = (
  viewer: Viewer,
  asked: readonly string[] | undefined,
): readonly string[] | undefined => {
  if (viewer === undefined || seesAll(viewer)) return asked
  const own = holdersOfViewer(viewer)
  return asked ? own.filter((holder) => asked.includes(holder)) : own
}

const maySee = (viewer: Viewer, grant: StoredGrant): boolean => {
  const holders = visibleHolders(viewer, undefined)
  const isOwn = grant.holder !== null && holders?.includes(grant.holder)
  return holders === undefined || isOwn || isHostOf(viewer, grant)
}

/** Hosts see the grants of their guests. */
const isHostOf = (viewer: Viewer, { pass }: Pick<StoredGrant, 'pass'>): boolean =>
  viewer !== undefined && pass?.madeBy === viewer.publicId
