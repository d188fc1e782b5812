import { Database } from 'bun:sqlite'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { migrate } from '../../src/storage/migrate.ts'
import { MIGRATIONS } from '../../src/storage/migrations.ts'
import { SALT_BYTES, personHash } from '../../src/unlocks/log/entry.ts'
import { newSigningKey, parseSigningKey } from '../../src/unlocks/tlog/signing-key.ts'
import { PASSWORD } from './app.ts'
import { restamp } from './unlock-log.ts'

export const PEOPLE = ['oli', 'ada', 'grace'] as const

/** A data folder as the first version left it, with people who can log in (`PASSWORD`) and a signed
 * log, and then brought to a later schema, one step after another. */
export const oldDataFolder = async (folder: string, { schema = 1, events = 20 } = {}) => {
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const key = newSigningKey()
  writeFileSync(join(dataDir, 'log-signing-key'), `${key}\n`, { mode: 0o600 })
  const database = join(dataDir, 'secure-lock.db')
  writeFileSync(database, '', { mode: 0o600 })
  const db = new Database(database, { strict: true })
  migrate(db, MIGRATIONS.slice(0, 1))
  const hash = await (hashed ??= Bun.password.hash(PASSWORD, ARGON2ID))
  db.transaction(() => {
    addPeople(db, hash)
    addUnlocks(db, events)
    db.run("INSERT INTO log_head (id, size, checkpoint) VALUES (1, 0, '')")
    restamp(db, parseSigningKey(key), 'unlock')
  })()
  for (let step = 2; step <= schema; step += 1) migrate(db, MIGRATIONS.slice(0, step))
  db.close()
  return { dataDir, database }
}

/** The parameters of the service, whose hashes cost a quarter of Bun's own. */
const ARGON2ID = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const

let hashed: Promise<string> | undefined

const addPeople = (db: Database, hash: string): void => {
  const add = db.prepare(
    `INSERT INTO account (
       public_id, username, username_key, password_hash, role, phone, address, created_at_ms
     ) VALUES (?, ?, ?, ?, ?, '1', 'x', 0)`,
  )
  for (const name of PEOPLE)
    add.run(`account-of-${name}`, name, name, hash, name === 'oli' ? 'owner' : 'member')
  db.run(
    `INSERT INTO session (id, account_id, created_at_ms, expires_at_ms)
     SELECT 'session of ' || username, id, 0, 9000000000000 FROM account`,
  )
}

const addUnlocks = (db: Database, events: number): void => {
  const add = db.prepare(
    `INSERT INTO unlock (
       seq, id, account_public_id, username, method, salt, person_hash, lock, result, source,
       received_at_ms, is_late, is_time_uncertain, leaf_hash
     ) VALUES (?, ?, ?, ?, 'pin', ?, ?, 'front-door', 'unlocked', 'claimed', ?, 0, 0, x'00')`,
  )
  for (let seq = 0; seq < events; seq += 1) {
    const username = PEOPLE[seq % PEOPLE.length] ?? PEOPLE[0]
    const accountPublicId = `account-of-${username}`
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES))
    const hash = personHash(salt, { accountPublicId, username, method: 'pin' })
    add.run(seq, crypto.randomUUID(), accountPublicId, username, salt, hash, 1_000_000 + seq)
  }
}
