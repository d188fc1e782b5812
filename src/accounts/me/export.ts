import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import { tokenError } from '../../http/errors.ts'
import { ownJson } from '../people/own-schema.ts'
import type { AccountDirectory } from '../people/store.ts'
import type { ExportStore } from './export-store.ts'
import { sessionAnswer } from '../sessions/schema.ts'
import type { Sessions } from '../sessions/service.ts'

/** Entries about one person, by public id, a page in memory at a time. */
type Pages = (publicId: string) => AsyncIterable<readonly unknown[]>

type Dependencies = {
  readonly people: Pick<AccountDirectory, 'find'>
  readonly sessions: Pick<Sessions, 'list'>
  readonly data: ExportStore
  /** What is kept elsewhere, by the name that it has in the export; it may be long. */
  readonly lists: Readonly<Record<string, Pages>>
  readonly record: RecordAuditEvent
  readonly now: () => number
}

export type OwnExport = ReturnType<typeof ownExport>

/** Gives everything that is kept about the caller as parts of one JSON object (GDPR article 15). */
export const ownExport =
  ({ people, sessions, data, lists, record, now }: Dependencies) =>
  async (caller: Caller): Promise<AsyncGenerator<string>> => {
    const account = signedIn(caller.account)
    const person = await people.find(account.publicId)
    if (!person) throw tokenError()
    const { id, publicId } = account
    await record(caller, { action: 'account.export', result: 'success', subject: publicId })
    const head = {
      exported_at: new Date(now()).toISOString(),
      account: ownJson(person),
      sessions: (await sessions.list(id)).map((session) => sessionAnswer(session, caller)),
      ...(await data.of(account)),
    }
    return jsonParts(
      head,
      Object.entries(lists).map(([name, pages]) => [name, pages(publicId)]),
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
