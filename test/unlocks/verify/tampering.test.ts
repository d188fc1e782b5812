import type { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { personHash } from '../../../src/unlocks/log/entry.ts'
import { innerNodes, nodeNumber } from '../../../src/unlocks/tlog/merkle-tree.ts'
import { newSigningKey, parseSigningKey } from '../../../src/unlocks/tlog/signing-key.ts'
import { runCommand, temporaryFolder } from '../../support/binary.ts'
import {
  type RecordedLog,
  recordedLog,
  restamp,
  restampLeaf,
  rowsOf,
} from '../../support/unlock-log.ts'

const SIZE = 13

let log: RecordedLog

beforeAll(async () => {
  log = await recordedLog({
    size: SIZE,
    keptAt: [0, 5, 8, SIZE],
    before: async (app) => {
      await app.unlocks.unlockLog.eraseAccount('account-of-hedy')
    },
  })
})

afterAll(() => log.remove())

type Detected = {
  /** Words of the fault. */
  readonly by: string | RegExp
  /** The event that is named, if one is. */
  readonly seq: number | undefined
}

const expectDetected = (
  { status, out, words }: Awaited<ReturnType<typeof runCommand>>,
  { by, seq }: Detected,
): void => {
  expect(words).toMatch(by)
  const named = /^First wrong event: (-?\d+)$/m.exec(words)?.[1]
  expect(named).toBe(seq === undefined ? undefined : String(seq))
  expect({ status, out }).toStrictEqual({ status: 1, out: '' })
}

const set = (column: string, value: string | number | null | Uint8Array, seq: number) => {
  return (db: Database) => {
    db.query(`UPDATE unlock_event SET ${column} = ? WHERE seq = ?`).run(value, seq)
  }
}

const move = (db: Database, from: number, to: number): void => {
  db.run('UPDATE unlock_event SET seq = ? WHERE seq = ?', [to, from])
}

const remove = (db: Database, seq: number): void => {
  db.run('DELETE FROM unlock_event WHERE seq = ?', [seq])
}

/** Puts a copy of an event, with a new id, at an unused number. */
const insertCopy = (db: Database, of: number, at: number): void => {
  const row = db.query('SELECT * FROM unlock_event WHERE seq = ?').get(of) as Record<string, never>
  const copy = { ...row, seq: at, id: crypto.randomUUID() }
  const names = Object.keys(copy)
  db.query(
    `INSERT INTO unlock_event (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
  ).run(...Object.values(copy))
}

const swapPeople = (db: Database, columns: readonly string[]): void => {
  const sql = `SELECT ${columns.join(', ')} FROM unlock_event WHERE seq = ?`
  const [one, other] = [3, 4].map((seq) => db.query(sql).get(seq) as Record<string, never>)
  const pairs = columns.map((column) => `${column} = ?`).join(', ')
  const update = db.query(`UPDATE unlock_event SET ${pairs} WHERE seq = ?`)
  update.run(...Object.values(other ?? {}), 3)
  update.run(...Object.values(one ?? {}), 4)
}

const PERSON = ['account_number', 'username', 'method', 'salt']

test('an untouched log is intact, and extends every kept checkpoint', async () => {
  const kept = [0, 5, 8, SIZE].flatMap((size) => ['--checkpoint', log.kept(size)])
  const { status, out, words } = await log.verify(...kept)
  expect({ status, words }).toStrictEqual({ status: 0, words: '' })
  expect(out).toStartWith(`The log is intact: ${SIZE} events, and extends `)
})

describe('tampering with the database file', () => {
  const cases: readonly (Detected & {
    readonly what: string
    readonly how: string
    readonly edit: (db: Database) => void
  })[] = [
    ...(
      [
        ['lock', 'back-door'],
        ['result', 'denied'],
        ['reason', 'restricted'],
        ['source', 'keypad'],
        ['occurred_at_ms', 1],
        ['received_at_ms', 1],
        ['is_late', 1],
        ['is_time_uncertain', 1],
        ['id', '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
        ['person_hash', new Uint8Array(32)],
        ['leaf_hash', new Uint8Array(32)],
      ] as const
    ).map(([column, value]) => ({
      what: `edits the ${column} of an event`,
      how: column === 'person_hash' ? 'the commitment' : 'the leaf',
      edit: set(column, value, 6),
      by: /Event 6: its (entry|account, name or method) was changed/,
      seq: 6,
    })),
    ...(['account_number', 'username', 'method'] as const).map((column) => ({
      what: `edits the ${column} of an event`,
      how: 'the commitment',
      edit: set(column, column === 'account_number' ? 4711 : 'mallory', 6),
      by: 'Event 6: its account, name or method was changed',
      seq: 6,
    })),
    {
      what: 'gives an account of the log another name',
      how: 'the commitment',
      edit: (db) =>
        db.run(`UPDATE unlock_account SET public_id = 'mallory'
          WHERE number = (SELECT account_number FROM unlock_event WHERE seq = 1)`),
      by: 'Event 1: its account, name or method was changed',
      seq: 1,
    },
    {
      what: 'lists an event under another day',
      how: 'the times in its leaf',
      edit: set('happened_at_ms', 1, 6),
      by: 'Event 6: the time at which it is listed was changed',
      seq: 6,
    },
    {
      what: 'edits an event and makes its leaf hash fit',
      how: 'the tree over it',
      edit: (db) => {
        set('lock', 'back-door', 7)(db)
        const row = rowsOf(db)[7]
        if (row) restampLeaf(db, row)
      },
      by: 'Events 6 to 7: the tree was built from other events',
      seq: 6,
    },
    {
      what: 'edits the last event, which no stored node covers, and makes its leaf hash fit',
      how: 'the signed root',
      edit: (db) => {
        set('lock', 'back-door', SIZE - 1)(db)
        const row = rowsOf(db)[SIZE - 1]
        if (row) restampLeaf(db, row)
      },
      by: 'do not match the newest checkpoint',
      seq: 0,
    },
    {
      what: 'edits an event, its commitment and its leaf hash',
      how: 'the tree over it',
      edit: (db) => {
        const salt = new Uint8Array(32)
        const person = {
          accountPublicId: 'account-of-mallory',
          username: 'mallory',
          method: 'pin',
        }
        db.run("INSERT INTO unlock_account (number, public_id) VALUES (4711, 'account-of-mallory')")
        db.query(
          `UPDATE unlock_event
           SET account_number = 4711, username = ?, method = ?, salt = ?, person_hash = ?
           WHERE seq = 6`,
        ).run(person.username, person.method, salt, personHash(salt, person))
        const row = rowsOf(db)[6]
        if (row) restampLeaf(db, row)
      },
      by: 'Events 6 to 7: the tree was built from other events',
      seq: 6,
    },
    {
      what: 'edits a node of the tree',
      how: 'the leaves below it',
      edit: (db) =>
        db.run(`UPDATE tree_node SET hash = zeroblob(32) WHERE number = ${nodeNumber(2, 1)}`),
      by: 'Events 4 to 7: the tree was built from other events',
      seq: 4,
    },
    {
      what: 'removes a node of the tree',
      how: 'the leaves below it',
      edit: (db) => db.run(`DELETE FROM tree_node WHERE number = ${nodeNumber(1, 3)}`),
      by: 'Events 6 to 7: the tree was built from other events',
      seq: 6,
    },
    {
      what: 'deletes an event in the middle',
      how: 'the gap',
      edit: (db) => remove(db, 6),
      by: 'Event 6 is missing',
      seq: 6,
    },
    {
      what: 'deletes an event in the middle and closes the gap',
      how: 'the number within the leaf',
      edit: (db) => {
        remove(db, 6)
        for (let seq = 7; seq < SIZE; seq += 1) move(db, seq, seq - 1)
      },
      by: 'Event 6: its entry was changed',
      seq: 6,
    },
    {
      what: 'reorders two events',
      how: 'the number within the leaf',
      edit: (db) => {
        move(db, 6, -1)
        move(db, 9, 6)
        move(db, -1, 9)
      },
      by: 'Event 6: its entry was changed',
      seq: 6,
    },
    {
      what: 'inserts an event in the middle, consistent in itself',
      how: 'the tree over it',
      edit: (db) => {
        for (let seq = SIZE; seq > 6; seq -= 1) move(db, seq - 1, seq)
        insertCopy(db, 7, 6)
        for (const row of rowsOf(db)) restampLeaf(db, row)
      },
      by: 'Events 6 to 7: the tree was built from other events',
      seq: 6,
    },
    {
      what: 'adds an event at the end',
      how: 'the size in the head',
      edit: (db) => {
        insertCopy(db, SIZE - 1, SIZE)
        const row = rowsOf(db)[SIZE]
        if (row) restampLeaf(db, row)
      },
      by: 'There are events that no checkpoint covers',
      seq: SIZE,
    },
    {
      what: 'adds an event before the first, where no page begins',
      how: 'its number',
      edit: (db) => insertCopy(db, 6, -1),
      by: 'There are events that no checkpoint covers',
      seq: -1,
    },
    {
      what: 'plants a node where the tree will grow',
      how: 'the size in the head',
      edit: (db) => db.run(`INSERT INTO tree_node VALUES (${nodeNumber(2, 3)}, zeroblob(32))`),
      by: 'The tree has nodes that belong to no event',
      seq: SIZE,
    },
    {
      what: 'adds an event at the end and raises the size',
      how: 'the signed size',
      edit: (db) => {
        insertCopy(db, SIZE - 1, SIZE)
        restamp(db)
      },
      by: 'do not match the newest checkpoint',
      seq: 0,
    },
    {
      what: 'cuts off the newest events and leaves the head',
      how: 'the signed size',
      edit: (db) => db.run('DELETE FROM unlock_event WHERE seq >= 8'),
      by: '5 events are missing at the end',
      seq: 8,
    },
    {
      what: 'cuts off the newest events and lowers the size',
      how: 'the signed size',
      edit: (db) => {
        db.run('DELETE FROM unlock_event WHERE seq >= 8')
        db.run('UPDATE log_head SET size = 8')
      },
      by: '5 events are missing at the end',
      seq: 8,
    },
    {
      what: 'swaps two people',
      how: 'the commitment',
      edit: (db) => swapPeople(db, PERSON),
      by: 'Event 3: its account, name or method was changed',
      seq: 3,
    },
    {
      what: 'swaps two people with their commitments',
      how: 'the leaf',
      edit: (db) => swapPeople(db, [...PERSON, 'person_hash']),
      by: 'Event 3: its entry was changed',
      seq: 3,
    },
    {
      what: 'swaps two people with their commitments and makes the leaves fit',
      how: 'the tree over them',
      edit: (db) => {
        swapPeople(db, [...PERSON, 'person_hash'])
        for (const row of rowsOf(db)) restampLeaf(db, row)
      },
      by: 'Events 2 to 3: the tree was built from other events',
      seq: 2,
    },
    {
      what: 'edits the salt of a commitment',
      how: 'the commitment',
      edit: set('salt', new Uint8Array(32), 6),
      by: 'Event 6: its account, name or method was changed',
      seq: 6,
    },
    {
      what: 'edits an event that was erased',
      how: 'the leaf',
      edit: set('lock', 'back-door', 2),
      by: 'Event 2: its entry was changed',
      seq: 2,
    },
    {
      what: 'writes a person into an event that was erased',
      how: 'the commitment',
      edit: (db) =>
        db.run(
          `UPDATE unlock_event
           SET account_number = 4711, username = 'mallory', method = 'pin', salt = zeroblob(32)
           WHERE seq = 2`,
        ),
      by: 'Event 2: its account, name or method was changed',
      seq: 2,
    },
    {
      what: 'writes a name alone into an event that was erased',
      how: 'the text that has no salt',
      edit: set('username', 'mallory', 2),
      by: 'Event 2: its account, name or method was changed',
      seq: 2,
    },
    {
      what: 'erases a name and leaves the rest',
      how: 'the commitment',
      edit: set('username', null, 6),
      by: 'Event 6: its account, name or method was changed',
      seq: 6,
    },
    {
      what: 'edits an event and restamps the whole tree, without the key',
      how: 'the signed root',
      edit: (db) => {
        set('lock', 'back-door', 6)(db)
        restamp(db)
      },
      by: 'Events 0 to 12 do not match the newest checkpoint',
      seq: 0,
    },
    {
      what: 'restamps the whole tree with a key of its own',
      how: 'the signer',
      edit: (db) => {
        set('lock', 'back-door', 6)(db)
        restamp(db, parseSigningKey(newSigningKey()))
      },
      by: 'The newest checkpoint is not valid: The note is not signed by secure-lock-server/',
      seq: undefined,
    },
    {
      what: 'removes the head',
      how: 'its absence',
      edit: (db) => db.run('DELETE FROM log_head'),
      by: 'it has no head',
      seq: undefined,
    },
  ]

  test.each([...cases])('$what: detected by $how', async ({ edit, by, seq }) => {
    using copy = log.copy()
    copy.edit(edit)
    expectDetected(await copy.verify(), { by, seq })
  })
})

describe('an older head, genuine once, with the newest events cut off', () => {
  const cutOff = () => {
    const copy = log.copy()
    copy.edit((db) => {
      db.run('DELETE FROM unlock_event WHERE seq >= 8')
      db.run(`DELETE FROM tree_node WHERE number >= ${innerNodes(8)}`)
      const note = readFileSync(log.kept(8), 'utf8')
      db.run('UPDATE log_head SET size = 8, checkpoint = ?', [note])
    })
    return copy
  }

  test('is not detected without a kept checkpoint: the log was like that then', async () => {
    using copy = cutOff()
    expect(await copy.verify()).toMatchObject({ status: 0, words: '' })
  })

  test('is detected by a kept checkpoint of the longer log', async () => {
    using copy = cutOff()
    expectDetected(await copy.verify('--checkpoint', log.kept(SIZE)), {
      by: `The kept checkpoint has ${SIZE} events, the log only 8`,
      seq: 8,
    })
  })
})

describe('the owner of the key edits an event and restamps everything', () => {
  const rewritten = () => {
    const copy = log.copy()
    copy.edit((db) => {
      set('lock', 'back-door', 6)(db)
      restamp(db, copy.signer())
    })
    return copy
  }

  test('is not detected without a checkpoint, nor by one from before the event', async () => {
    using copy = rewritten()
    expect(await copy.verify()).toMatchObject({ status: 0, words: '' })
    expect(await copy.verify('--checkpoint', log.kept(5))).toMatchObject({ status: 0, words: '' })
  })

  test('is detected by a kept checkpoint, and an earlier one narrows it down', async () => {
    using copy = rewritten()
    expectDetected(await copy.verify('--checkpoint', log.kept(8)), {
      by: 'Events 0 to 7 do not match the kept checkpoint',
      seq: 0,
    })
    const both = ['--checkpoint', log.kept(5), '--checkpoint', log.kept(SIZE)]
    expectDetected(await copy.verify(...both), {
      by: 'Events 5 to 12 do not match the kept checkpoint',
      seq: 5,
    })
  })
})

describe('the signing key file', () => {
  test('swapped for another key: detected by the signer of the checkpoint', async () => {
    using copy = log.copy()
    writeFileSync(join(copy.dataDir, 'log-signing-key'), `${newSigningKey()}\n`)
    expectDetected(await copy.verify(), {
      by: 'The newest checkpoint is not valid: The note is not signed by',
      seq: undefined,
    })
  })

  test('swapped, and the log restamped with it: detected by the known key or a checkpoint', async () => {
    using copy = log.copy()
    const { out: key } = await copy.run('log', 'key')
    writeFileSync(join(copy.dataDir, 'log-signing-key'), `${newSigningKey()}\n`)
    copy.edit((db) => restamp(db, copy.signer()))
    expect(await copy.verify()).toMatchObject({ status: 0, words: '' })
    const by = /is not valid: The note is not signed by/
    expectDetected(await copy.verify('--key', key.trim()), { by, seq: undefined })
    expectDetected(await copy.verify('--checkpoint', log.kept(8)), { by, seq: undefined })
  })

  test('missing: nothing is signed with a new key', async () => {
    using copy = log.copy()
    rmSync(join(copy.dataDir, 'log-signing-key'))
    expectDetected(await copy.verify(), { by: 'signing key is missing', seq: undefined })
  })
})

describe('the database file', () => {
  const without = (change: (path: string) => void) => {
    const copy = log.copy()
    change(copy.database)
    return copy
  }

  test.each([
    ['removed', (path: string) => rmSync(path)],
    ['emptied', (path: string) => writeFileSync(path, '')],
  ])('[D4] %s: no other log is begun under its name', async (_what, change) => {
    using copy = without(change)
    for (const command of ['serve', 'serve']) {
      const { status, out, words } = await copy.run(command)
      expect({ status, out }).toStrictEqual({ status: 1, out: '' })
      expect(words).toContain(
        'is missing or empty: restore it from a backup or, if the data is on a server, set DATABASE_URI',
      )
    }
  })

  test('missing: the log commands create none, and say where they looked', async () => {
    const folder = temporaryFolder()
    for (const args of [['verify'], ['key'], ['checkpoint'], ['export', '--out', 'bundle']]) {
      const { status, out, words } = await runCommand(['log', ...args], { folder })
      expect({ status, out }).toStrictEqual({ status: 1, out: '' })
      // What follows depends on whether a service runs on this machine.
      expect(words).toStartWith(`There is no database at ${join(folder, 'data/secure-lock.db')}; `)
    }
    expect(readdirSync(folder)).toStrictEqual([])
    rmSync(folder, { recursive: true })
  })
})
