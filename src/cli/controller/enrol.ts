import { codeNonce, signStatement } from '../../domain/statement/statement.ts'
import { AppError } from '../../errors.ts'
import { wordsOf } from './door.ts'
import type { Answer, Gateway } from './gateway.ts'
import { messageOf } from './reporter.ts'
import type { ControllerKey, Identity } from './state.ts'

type Dependencies = {
  readonly gateway: Pick<Gateway, 'ask'>
  readonly key: ControllerKey
  readonly backOff: (failures: number) => Promise<void>
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

const TIMEOUT_MS = 20_000

/** Enrols at the gateway with a one-time code; tries until it answers. Returns undefined if the program was asked to end
 * meanwhile. Throws `unavailable` if the gateway refuses. */
export const enrol = async (
  { gateway, key, backOff, signal, say }: Dependencies,
  { code, name }: { readonly code: string; readonly name: string },
): Promise<Pick<Identity, 'id' | 'token' | 'lock' | 'doorKey'> | undefined> => {
  const { publicKey, sign } = key
  const claims = { kind: 'enrolment', nonce: await codeNonce(code), publicKey } as const
  const body = {
    code,
    public_key: publicKey.toBase64(),
    name,
    proof: (await signStatement(claims, sign)).toBase64(),
  }
  for (let failures = 1; !signal.aborted; failures += 1)
    try {
      const path = '/v1/controller/enrol'
      const answer = await gateway.ask({
        method: 'POST',
        path,
        body,
        signal,
        timeoutMs: TIMEOUT_MS,
      })
      if (answer.status < 300) return enrolledBy(answer)
      // A gateway that is starting or busy may take the code later.
      if (answer.status < 500 && answer.status !== 429)
        throw new AppError(
          'unavailable',
          `The gateway does not enrol this controller: ${messageOf(answer)}`,
        )
      throw new Error(messageOf(answer))
    } catch (error) {
      if (error instanceof AppError) throw error
      if (signal.aborted) return undefined
      if (failures === 1) say(`Cannot enrol: ${wordsOf(error)}. Trying again`)
      await backOff(failures)
    }
  return undefined
}

const enrolledBy = ({ body }: Answer): Pick<Identity, 'id' | 'token' | 'lock' | 'doorKey'> => {
  const {
    id,
    token,
    lock,
    door_key: doorKey,
  } = body as {
    readonly id: string
    readonly token: string
    readonly lock: Identity['lock']
    readonly door_key: string
  }
  return { id, token, lock: { id: lock.id, label: lock.label, name: lock.name }, doorKey }
}
