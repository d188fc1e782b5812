import { createHash, createPublicKey, verify } from 'node:crypto'

// src/manual/lock_client.dart in TypeScript, step by step and with the same names, so that a test can
// do with the executable what the manual tells an app to do. It shares nothing with src/ on purpose.

export class LockServerError extends Error {
  readonly status: number
  readonly code: string | undefined
  readonly retryAfter: number | undefined

  constructor(status: number, code: string | undefined, message: string, retryAfter?: number) {
    super(message)
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
  }
}

export class LoggedOutError extends Error {}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** `fetchAuthority`. */
export const fetchAuthority = async (base: string, caSha256: string): Promise<string> => {
  const answer = await fetch(`${base}/ca.pem`, { tls: { rejectUnauthorized: false } })
  const pem = await answer.text()
  const lines = pem.split('\n').filter((line) => !line.startsWith('-----'))
  if (sha256(Buffer.from(lines.join(''), 'base64')).toString('hex') !== caSha256)
    throw new Error('This is not the gateway of the QR code')
  return pem
}

type Answer = Record<string, unknown>

const wordsOf = ({ msg, detail, error }: Answer): unknown => msg ?? detail ?? error

/** `LockClient`, with `pinnedClient` and a `SecretStore` in memory. */
export const lockClient = (base: string, ca: string) => {
  const secrets = new Map<string, string>()
  let refreshing: Promise<void> | undefined
  const sent: string[] = []

  const send = async (method: string, path: string, body?: unknown, token?: string) => {
    sent.push(path)
    const answer = await fetch(base + path, {
      method,
      tls: { ca },
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') ?? false
    const content = isJson ? (JSON.parse(text) as Answer) : { text }
    if (answer.status === 200) return content
    const words = wordsOf(content)
    const seconds = answer.headers.get('retry-after')
    throw new LockServerError(
      answer.status,
      content['code'] as string | undefined,
      typeof words === 'string' ? words : text,
      seconds === null ? undefined : Number(seconds),
    )
  }

  const store = (answer: Answer): void => {
    secrets.set('refresh_token', answer['refresh_token'] as string)
    secrets.set('access_token', answer['access_token'] as string)
  }

  const refreshOnce = async (): Promise<void> => {
    const token = secrets.get('refresh_token')
    if (token === undefined) throw new LoggedOutError()
    try {
      store(await send('POST', '/v1/session/refresh', { refresh_token: token }))
    } catch (error) {
      if (!(error instanceof LockServerError) || error.status !== 401) throw error
      secrets.delete('access_token')
      secrets.delete('refresh_token')
      throw new LoggedOutError()
    }
  }

  const refresh = (): Promise<void> =>
    (refreshing ??= refreshOnce().finally(() => (refreshing = undefined)))

  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const token = secrets.get('access_token')
    if (token !== undefined)
      try {
        return await send(method, path, body, token)
      } catch (error) {
        if (!(error instanceof LockServerError) || error.status !== 401) throw error
      }
    if (secrets.get('access_token') === token) await refresh()
    return send(method, path, body, secrets.get('access_token'))
  }

  return {
    secrets,
    /** The paths requested, in order. */
    sent,
    send,
    call,
    refresh,
    register: (person: Answer) => send('POST', '/register', person),
    login: async (username: string, password: string, otp?: string): Promise<void> => {
      const deviceCookie = secrets.get('device_token')
      const answer = await send('POST', '/login', {
        username,
        password,
        ...(otp === undefined ? {} : { otp }),
        ...(deviceCookie === undefined ? {} : { device_token: deviceCookie }),
      })
      secrets.set('device_token', answer['device_token'] as string)
      store(answer)
    },
    logout: async (): Promise<void> => {
      await call('POST', '/v1/session/logout')
      secrets.delete('access_token')
      secrets.delete('refresh_token')
    },
  }
}

export type LockClient = ReturnType<typeof lockClient>

/** `loginWithCode`. */
export const loginWithCode = async (
  client: LockClient,
  username: string,
  password: string,
  askCode: (isRetry: boolean) => string,
): Promise<void> => {
  let otp: string | undefined
  for (;;)
    try {
      await client.login(username, password, otp)
      return
    } catch (error) {
      const code = error instanceof LockServerError ? error.code : undefined
      if (code !== 'otp_required' && code !== 'otp_invalid') throw error
      otp = askCode(code === 'otp_invalid')
    }
}

export type Unlock = { id: string; method: string; lock: string; occurred_at: string }

export const newUnlock = (method: string): Unlock => ({
  id: crypto.randomUUID(),
  method,
  lock: 'front-door',
  // As Dart writes it: with microseconds.
  occurred_at: new Date().toISOString().replace('Z', '456Z'),
})

/** An `UnlockStore` in memory. */
export const unlockStore = () => ({
  waiting: [] as Unlock[],
  receipts: new Map<string, string>(),
  rejected: new Map<string, string>(),
})

export type UnlockStore = ReturnType<typeof unlockStore>

/** `flush`, in batches of at most `batchMax`. */
export const flush = async (
  client: LockClient,
  store: UnlockStore,
  batchMax = 500,
): Promise<void> => {
  while (store.waiting.length > 0) {
    const batch = store.waiting.slice(0, batchMax)
    const answer = await patiently(() => client.call('POST', '/v1/unlocks', batch))
    const outcomes = answer['outcomes'] as { status: string; receipt: string; detail: string }[]
    for (const [index, unlock] of batch.entries()) {
      const outcome = outcomes[index]
      switch (outcome?.status) {
        case 'stored':
        case 'duplicate':
          store.receipts.set(unlock.id, outcome.receipt)
          break
        case 'invalid':
        case 'conflict':
          store.rejected.set(unlock.id, outcome.detail)
          break
        case undefined:
        default:
          throw new Error(`Unknown outcome ${outcome?.status}`)
      }
      store.waiting.shift()
    }
  }
}

const patiently = async <Result>(work: () => Promise<Result>): Promise<Result> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await work()
    } catch (error) {
      const wait = error instanceof LockServerError ? error.retryAfter : undefined
      if (wait === undefined || wait > 60 || attempt === 3) throw error
      await Bun.sleep(wait * 1000)
    }
}

/** `provenUnlock`. */
export const provenUnlock = (receipt: string, verifierKey: string): Answer => {
  const end = receipt.indexOf('\n\n')
  if (end < 0) throw new Error('The receipt is cut short')
  const lines = receipt.slice(0, end).split('\n')
  const [header, extraLine = '', indexLine = ''] = lines
  if (
    header !== 'c2sp.org/tlog-proof@v1' ||
    !extraLine.startsWith('extra ') ||
    !indexLine.startsWith('index ')
  )
    throw new Error('This is not the receipt of an unlock')
  const extra = JSON.parse(Buffer.from(extraLine.slice(6), 'base64').toString()) as {
    entry: string
    person: (Record<string, string | null> & { salt: string }) | null
  }
  const index = Number(indexLine.slice(6))
  const path = lines.slice(3).map((line) => Buffer.from(line, 'base64'))
  const [, size = '', root = ''] = openNote(receipt.slice(end + 2), verifierKey).split('\n')
  const entry = Buffer.from(extra.entry)
  if (!isIncluded(entry, index, Number(size), path, Buffer.from(root, 'base64')))
    throw new Error('The log does not contain this unlock')
  const event = JSON.parse(extra.entry) as Answer
  if (event['seq'] !== index) throw new Error('The position differs')
  if (extra.person === null) return event
  const { account, counter, device, grant, method, pass, username, salt } = extra.person
  // Version 2: the gateway itself decided, or a lock reported.
  const committed =
    event['v'] === 2
      ? { account, counter, device, grant, method, pass, username }
      : { account, method, username }
  const commitment = sha256(Buffer.from(salt, 'base64'), Buffer.from(JSON.stringify(committed)))
  if (commitment.toString('base64') !== event['person'])
    throw new Error('Name or method is not what was recorded')
  return { ...event, ...committed }
}

const openNote = (note: string, verifierKey: string): string => {
  const [name = '', id, ...rest] = verifierKey.split('+')
  const key = Buffer.from(rest.join('+'), 'base64')
  const keyId = sha256(Buffer.from(`${name}\n`), key).toString('hex', 0, 4)
  if (key[0] !== 1 || keyId !== id) throw new Error('The key does not match its own id')
  const end = note.lastIndexOf('\n\n')
  if (end < 0) throw new Error('The checkpoint is not signed')
  const text = note.slice(0, end + 1)
  for (const line of note.slice(end + 2).split('\n')) {
    if (!line.startsWith(`\u2014 ${name} `)) continue
    const signature = Buffer.from(line.split(' ').at(-1) ?? '', 'base64')
    if (signature.toString('hex', 0, 4) !== id) continue
    const publicKey = createPublicKey({
      format: 'jwk',
      key: { kty: 'OKP', crv: 'Ed25519', x: key.subarray(1).toString('base64url') },
    })
    const isGood = verify(null, Buffer.from(text), publicKey, signature.subarray(4))
    if (isGood && text.startsWith(`${name}\n`)) return text
  }
  throw new Error('The checkpoint is not signed by this key')
}

const isIncluded = (
  entry: Buffer,
  index: number,
  size: number,
  path: readonly Buffer[],
  root: Buffer,
): boolean => {
  if (index < 0 || index >= size) return false
  let [at, last] = [index, size - 1]
  let hash = sha256(Buffer.of(0), entry)
  for (const sibling of path) {
    if (last === 0) return false
    if (at % 2 === 1 || at === last) {
      hash = sha256(Buffer.of(1), sibling, hash)
      while (at % 2 === 0 && at !== 0) [at, last] = [at >> 1, last >> 1]
    } else hash = sha256(Buffer.of(1), hash, sibling)
    ;[at, last] = [at >> 1, last >> 1]
  }
  return last === 0 && hash.equals(root)
}
