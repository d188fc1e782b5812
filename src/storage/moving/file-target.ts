import { fileBytes } from '../database-size.ts'
import { openDatabase, openReadOnly } from '../open.ts'
import { storeArrival } from './moved.ts'
import { newSqliteHome } from './sqlite-home.ts'
import { type Occupied, type Target, occupationOf } from './target.ts'

/** Opens the path of a database file that a home moves to. */
export const openFileTarget = async (path: string, moveId: string): Promise<Target> => ({
  hasArrived: (await occupation(path, moveId)) === 'arrived',
  begin: async () => {
    const home = await newSqliteHome(path)
    const readers: ReturnType<typeof openReadOnly>[] = []
    const closeReaders = (): void => {
      for (const reader of readers.splice(0)) reader.close()
    }
    return {
      ...home,
      written: async () => {
        const reader = openReadOnly(home.complete())
        readers.push(reader)
        return reader
      },
      publish: async () => {
        closeReaders()
        const db = openDatabase(home.draft)
        await db.transaction((tx) => storeArrival(tx, moveId))
        await db.close()
        home.publish(Date.now())
      },
      discard: async () => {
        closeReaders()
        home.discard()
      },
    }
  },
  close: async () => {},
})

const occupation = async (path: string, moveId: string): Promise<Occupied> => {
  if (fileBytes(path) === 0) return 'empty'
  const db = openReadOnly(path)
  try {
    return await occupationOf(db, { moveId, shown: path })
  } finally {
    db.close()
  }
}
