import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { tokenError } from '../../http/errors.ts'
import { accountJson } from '../people/schema.ts'
import type { AccountDirectory } from '../people/store.ts'
import { sessionAnswer } from '../sessions/schema.ts'
import type { Sessions } from '../sessions/service.ts'
import { tokenJson } from '../tokens/schema.ts'
import type { AccessTokenService } from '../tokens/service.ts'
import type { ExportStore } from './export-store.ts'
import type { OwnCaller } from './service.ts'

/** Entries about one person, by public id, a page in memory at a time. */
export type Pages = (publicId: string, signal: AbortSignal) => AsyncIterable<readonly unknown[]>

type Dependencies = {
  readonly accountDirectory: Pick<AccountDirectory, 'find'>
  readonly sessions: Pick<Sessions, 'list'>
  readonly tokens: Pick<AccessTokenService, 'listOf'>
  readonly exportStore: ExportStore
  /** What other modules store about a person, by its name in the export. May be long. */
  readonly lists: Readonly<Record<string, Pages>>
  readonly record: RecordAuditEvent
  readonly clock: Pick<Clock, 'wallMs'>
}

export type AccountExport = ReturnType<typeof accountExport>

/** Returns everything stored about the caller as parts of one JSON object (GDPR article 15). Ends once
 * `signal` is aborted. */
export const accountExport =
  ({ accountDirectory, sessions, tokens, exportStore, lists, record, clock }: Dependencies) =>
  async (caller: OwnCaller, signal: AbortSignal): Promise<AsyncGenerator<string>> => {
    const { id, publicId } = caller.account
    const details = await accountDirectory.find(publicId)
    if (!details) throw tokenError()
    await record(caller, { action: 'account.export', result: 'success', subject: publicId })
    const head = {
      exported_at: new Date(clock.wallMs()).toISOString(),
      account: accountJson(details),
      sessions: (await sessions.list(id)).map((session) => sessionAnswer(session, caller)),
      access_tokens: (await tokens.listOf(publicId)).map(tokenJson),
      ...(await exportStore.of(caller.account)),
    }
    return jsonParts(
      head,
      Object.entries(lists).map(([name, pages]) => [name, pages(publicId, signal)]),
    )
  }

async function* jsonParts(
  head: object,
  lists: readonly (readonly [name: string, pages: AsyncIterable<readonly unknown[]>])[],
) {
  yield JSON.stringify(head).slice(0, -1)
  for (const [name, pages] of lists) {
    yield `,${JSON.stringify(name)}:[`
    let separator = ''
    for await (const page of pages) {
      yield separator + page.map((entry) => JSON.stringify(entry)).join(',')
      separator = ','
    }
    yield ']'
  }
  yield '}'
}
