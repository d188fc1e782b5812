// Some browsers forbid storage. What is lost with it is said where it matters.

const memory = new Map<string, string>()

/** Returns what was stored under a name. */
export const stored = (name: string): string | undefined => {
  try {
    return localStorage.getItem(name) ?? memory.get(name)
  } catch {
    return memory.get(name)
  }
}

/** Stores a text under a name, or removes it. */
export const store = (name: string, text: string | undefined): void => {
  if (text === undefined) memory.delete(name)
  else memory.set(name, text)
  try {
    if (text === undefined) localStorage.removeItem(name)
    else localStorage.setItem(name, text)
  } catch {
    // It is kept as long as this page is open.
  }
}

const DATABASE = 'guest'
const KEYS = 'keys'
const NAME = 'device'

const request = <Value>(asked: IDBRequest<Value>): Promise<Value> =>
  new Promise((resolve, reject) => {
    asked.addEventListener('success', () => resolve(asked.result))
    asked.addEventListener('error', () => reject(new Error('IndexedDB failed')))
  })

const openDatabase = (): Promise<IDBDatabase> => {
  const opening = indexedDB.open(DATABASE)
  opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(KEYS))
  return request(opening)
}

/** Returns the stored key of this device, or undefined if there is none. */
export const storedKey = async (): Promise<CryptoKeyPair | undefined> => {
  try {
    const database = await openDatabase()
    const found = await request<CryptoKeyPair | undefined>(
      database.transaction(KEYS).objectStore(KEYS).get(NAME),
    )
    database.close()
    return found
  } catch {
    return undefined
  }
}

/** Stores the key of this device, if the browser lets it. */
export const storeKey = async (key: CryptoKeyPair): Promise<void> => {
  try {
    const database = await openDatabase()
    await request(database.transaction(KEYS, 'readwrite').objectStore(KEYS).put(key, NAME))
    database.close()
  } catch {
    // This page signs with it until it is closed; the next one makes another.
  }
}
