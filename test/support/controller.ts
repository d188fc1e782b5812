import { type ClaimsOf, type ReportResult, lockClaim } from '../../src/domain/statement/claims.ts'
import { makeKeyPair, publicKeyOf, signWith } from '../../src/domain/statement/p256.ts'
import {
  NO_PREVIOUS,
  codeNonce,
  openStatement,
  payloadHash,
  sha256,
  signStatement,
} from '../../src/domain/statement/statement.ts'
import { bearer, clientOf } from './app.ts'

type PollJson = {
  readonly commands: readonly string[]
  readonly successions: readonly string[]
  readonly want: readonly (readonly [number, number])[]
}

type Enrolled = {
  readonly id: string
  readonly token: string
  readonly lock: { readonly id: string; readonly label: string; readonly name: string }
  readonly door_key: string
}

const base64url = (bytes: Uint8Array): string =>
  bytes.toBase64({ alphabet: 'base64url', omitPadding: true })

export type TestController = Awaited<ReturnType<typeof testController>>

/** A controller as its protocol says, over HTTP, without a bolt. */
export const testController = async (url: string) => {
  const { post } = clientOf(url)
  const pair = await makeKeyPair(false)
  const publicKey = await publicKeyOf(pair)
  const sign = signWith(pair.privateKey)
  let enrolled: Enrolled | undefined
  let doorKey: Uint8Array = new Uint8Array()
  let counter = 0
  let head = NO_PREVIOUS

  const known = (): Enrolled => {
    if (!enrolled) throw new Error('it has not enrolled')
    return enrolled
  }

  const signReport = (
    result: ReportResult,
    parts: Partial<ClaimsOf<'report'>> = {},
  ): Promise<Uint8Array> =>
    signStatement(
      {
        kind: 'report',
        lock: lockClaim(known().lock.id),
        issuedAtS: 1_800_000_000,
        counter,
        previous: head,
        result,
        clockUnsure: false,
        ...parts,
      },
      sign,
    )

  const send = (at: string, statements: readonly Uint8Array[]) =>
    clientOf(at).post(
      '/v1/controller/reports',
      { statements: statements.map((bytes) => bytes.toBase64()) },
      bearer(known().token),
    )

  return {
    publicKey,
    sign,
    id: () => known().id,
    headers: () => bearer(known().token),
    lockId: () => known().lock.id,

    /** The body with which it enrols. */
    enrolment: async (code: string) => {
      const claims = { kind: 'enrolment', nonce: await codeNonce(code), publicKey } as const
      return {
        code,
        public_key: publicKey.toBase64(),
        name: 'Test device',
        proof: (await signStatement(claims, sign)).toBase64(),
      }
    },

    /** Enrols; returns the status. */
    async enrol(code: string): Promise<number> {
      const answer = await post('/v1/controller/enrol', await this.enrolment(code))
      if (answer.status === 200) {
        enrolled = (await answer.json()) as Enrolled
        doorKey = Uint8Array.fromBase64(enrolled.door_key)
      }
      return answer.status
    },

    /** Polls once with a fresh nonce; returns the answer, or undefined for none. */
    poll: async ({
      wait = 0,
      headers = bearer(known().token),
      signal = null as AbortSignal | null,
      at = url,
    } = {}) => {
      const nonce = crypto.getRandomValues(new Uint8Array(16))
      const query = new URLSearchParams({
        nonce: base64url(nonce),
        wait: String(wait),
        door_key: base64url(await sha256(doorKey)),
      })
      const answer = await fetch(`${at}/v1/controller/commands?${query.toString()}`, {
        headers,
        signal,
      })
      if (answer.status === 204) return undefined
      if (answer.status !== 200) throw new Error(`polling: ${answer.status} ${await answer.text()}`)
      return { nonce, ...((await answer.json()) as PollJson) }
    },

    /** Returns the attempt of a command that the door key signed for the nonce, or undefined for any other. */
    attemptOf: async (command: string, nonce: Uint8Array): Promise<string | undefined> => {
      const claims = await openStatement('command', Uint8Array.fromBase64(command), doorKey)
      if (!claims || claims.lock !== lockClaim(known().lock.id)) return undefined
      return Bun.deepEquals(claims.nonce, nonce) ? claims.attempt : undefined
    },

    /** Takes a succession of the door key; returns whether the key that it trusts signed it. */
    follow: async (succession: string): Promise<boolean> => {
      const claims = await openStatement('succession', Uint8Array.fromBase64(succession), doorKey)
      if (claims) doorKey = claims.publicKey
      return claims !== undefined
    },

    /** Signs the next report of its chain. */
    next: async (result: ReportResult, parts: Partial<ClaimsOf<'report'>> = {}) => {
      counter += 1
      const signed = await signReport(result, { counter, previous: head, ...parts })
      head = await payloadHash(signed)
      return signed
    },

    /** Signs a report that its chain does not continue with. */
    signReport,

    send: (...statements: readonly Uint8Array[]) => send(url, statements),

    /** Sends reports to another replica. */
    sendTo: (at: string, ...statements: readonly Uint8Array[]) => send(at, statements),

    /** Another device with the same key, token and state. */
    chain: () => ({ counter, head }),
    rewind: (to: { readonly counter: number; readonly head: Uint8Array }): void => {
      counter = to.counter
      head = to.head
    },
  }
}
