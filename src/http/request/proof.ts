import type { Caller } from '../authorization.ts'
import type { Endpoint } from '../endpoint.ts'
import type { CountsAs } from '../rate-limits.ts'
import { type ReadBody, isObjectSchema } from './json-body.ts'
import { oncePerRequest } from './once-per-request.ts'

/** Returns whom the requests of an endpoint count against by what they carry; see `countsAs` in
 * endpoint.ts. It reads the body of a request, so `readBody` must return it to the handler again. */
export const proofOf = (
  { hooks, body: schema }: Pick<Endpoint, 'hooks' | 'body'>,
  readBody: ReadBody,
): CountsAs => {
  // Once for all windows.
  const proven = oncePerRequest(async (request: Request, caller: Caller) => {
    const body = isObjectSchema(schema)
      ? await readBody(request, schema).catch(() => undefined) // The handler reports it.
      : undefined
    if (schema && !body) return undefined
    const proof = await hooks.countsAs?.({ request, caller, body })
    return proof === undefined ? undefined : `proven:${proof}`
  })
  return (caller, request) => proven(request, caller)
}
