import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, startService, temporaryFolder } from '../support/binary.ts'
import { signIn, tell } from './evidence.ts'

const isRequired = process.env['REQUIRE_STRACE'] === '1'
const isThere = Bun.which('strace') !== null
if (!isThere && !isRequired) tell('strace is missing: the order of sync and answer is not checked')

test.if(isThere || isRequired)(
  '[D1] the disk has synced the unlock before the answer is sent',
  async () => {
    const folder = temporaryFolder()
    const trace = join(folder, 'trace')
    const calls = 'trace=openat,fsync,fdatasync,pwrite64,recvfrom,read,sendto,write,writev,sendmsg'
    {
      // -D keeps the service itself as the child, which is stopped.
      await using service = await startService({
        folder,
        env: UNLIMITED,
        within: ['strace', '-D', '-f', '-q', '-s', '64', '-o', trace, '-e', calls],
      })
      const token = await signIn(service.url)
      const answer = await clientOf(service.url).post(
        '/logUnlocking',
        { 'unlocking-method': 'pin' },
        bearer(token),
      )
      expect(answer.status).toBe(200)
      await service.stop()
    }
    const events = walEvents(readFileSync(trace, 'utf8').split('\n'))
    const start = events.findLastIndex(({ what }) => what === 'requested')
    const order = events.slice(start).map(({ what }) => what)
    expect(order.slice(0, order.indexOf('answered') + 1)).toStrictEqual([
      'requested',
      'written',
      'synced',
      'answered',
    ])
    rmSync(folder, { recursive: true })
  },
)

type WalEvent = { readonly what: 'requested' | 'written' | 'synced' | 'answered' }

/** What a trace shows of unlocks: the request, then the log's writes and sync as they end, then the
 * answer as it begins. Several of the same kind in a row count as one. */
function walEvents(lines: readonly string[]): readonly WalEvent[] {
  const wal = new Set<string>()
  const pending = new Map<string, string>()
  const events: WalEvent[] = []
  const add = (what: WalEvent['what']) => {
    if (events.at(-1)?.what !== what) events.push({ what })
  }
  for (const line of lines) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const begun = text.endsWith('<unfinished ...>')
    if (begun) pending.set(thread, text)
    const call = text.startsWith('<... ') ? (pending.get(thread) ?? '') : text
    const [, name = '', file = ''] = /^(\w+)\((\d*)/.exec(call) ?? []
    const opened = / = (\d+)$/.exec(text)?.[1]
    if (name === 'openat' && call.includes('.db-wal"') && opened) wal.add(opened)
    if (/"POST \/logUnlocking/.test(text)) add('requested')
    if (/^(sendto|write|writev|sendmsg)\(.*HTTP\/1\.1 200/.test(text)) add('answered')
    if (begun || !wal.has(file)) continue
    if (name === 'pwrite64') add('written')
    if (/^f(data)?sync$/.test(name) && text.endsWith('= 0')) add('synced')
  }
  return events
}
