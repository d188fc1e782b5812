import type { Static, TObject, TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler'
import { AppError } from '../../errors.ts'
import { CLOSING, HttpError } from '../errors.ts'
import { acceptedBy, notAccepted } from './accepted.ts'
import { givenFields } from './optional.ts'

export type ReadBody = <Body extends TObject>(
  request: Request,
  schema: Body,
) => Promise<Static<Body>>

/** Reads a body with any JSON value, up to `bytesMax` instead of the setting. */
export type ReadJson = (request: Request, bytesMax: number) => Promise<unknown>

/** Returns the function that reads bodies: bounded, UTF-8, JSON, an object, with the fields of a schema.
 * Errors come in that order: 413, `Invalid JSON format`, `Missing a, b`, `Invalid c: …; d: …`; none repeats a
 * value. Fields that the schema does not list are dropped. */
export const bodyReader =
  (bytesMax: number): ReadBody =>
  async (request, schema) => {
    const body = await readJson(request, bytesMax)
    if (!isObject(body)) throw new AppError('invalid', INVALID_JSON)
    return checkFields(body, schema)
  }

/** Throws 413 over the limit, and `Invalid JSON format` for a body that is not UTF-8 or not JSON. One that
 * is not declared as JSON is told so, where the contract of the phone app leaves room for it. */
export const readJson: ReadJson = async (request, bytesMax) => {
  let bytes: Uint8Array
  try {
    bytes = await readBytes(request, bytesMax)
  } catch (error) {
    throw endedEarly(error)
  }
  if (!JSON_TYPE.test(request.headers.get('content-type') ?? ''))
    throw new AppError('invalid', NOT_DECLARED, { contractMessage: INVALID_JSON })
  try {
    return JSON.parse(UTF8.decode(bytes))
  } catch {
    // Without the parser's message, which quotes the body.
    throw new AppError('invalid', INVALID_JSON)
  }
}

const INVALID_JSON = 'Invalid JSON format'

const NOT_DECLARED =
  'The body is not declared as JSON: send the header Content-Type: application/json'

/** True if a body of this schema is read and checked before its handler runs. */
export const isObjectSchema = (schema: TSchema | undefined): schema is TObject =>
  schema?.['type'] === 'object'

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const UTF8 = new TextDecoder('utf-8', { fatal: true })

const JSON_TYPE = /^application\/json\s*(;|$)/i

const readBytes = (request: Request, bytesMax: number): Promise<Uint8Array> => {
  if (!isBodyWithin(request, { bytesMax, isRead: true })) throw tooLarge()
  return request.headers.has('content-length') ? request.bytes() : readChunks(request, bytesMax)
}

const readChunks = async (request: Request, bytesMax: number): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > bytesMax) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A client that goes away while it sends is not a bug. */
const endedEarly = (error: unknown): HttpError =>
  error instanceof HttpError ? error : new HttpError(400, 'The request ended early')

/** Returns false for a body that its declared length makes too large, and for one without a length if
 * nothing will read it: what waits unread is held in memory. */
export const isBodyWithin = (
  { headers }: Request,
  { bytesMax, isRead }: { readonly bytesMax: number; readonly isRead: boolean },
): boolean => {
  const length = headers.get('content-length')
  return length === null ? isRead || !headers.has('transfer-encoding') : Number(length) <= bytesMax
}

export const tooLarge = () => new HttpError(413, 'Request body too large', CLOSING)

/** Returns the listed fields of an object. Throws `Missing a, b`, then `Invalid c: …; d: …`, which says what
 * each accepts. */
export const checkFields = <Body extends TObject>(
  body: Record<string, unknown>,
  schema: Body,
): Static<Body> => {
  const fields = givenFields(body, schema.properties)
  const missing = (schema.required ?? []).filter((name) => !(name in fields))
  if (missing.length > 0) throw new AppError('invalid', `Missing ${missing.join(', ')}`)
  const given = Object.keys(fields)
  if (given.length < (schema.minProperties ?? 0)) {
    const names = Object.keys(schema.properties)
    throw new AppError('invalid', `Missing one of ${names.join(', ')}`)
  }
  const checks = fieldChecks(schema)
  const invalid = given.filter((name) => !checks.get(name)?.Check(fields[name]))
  if (invalid.length > 0) throw notAccepted(acceptedFields(schema, invalid))
  return fields
}

const acceptedFields = ({ properties }: TObject, names: readonly string[]) =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, field]) =>
      names.includes(name) ? [[name, acceptedBy(field)]] : [],
    ),
  )

/** Compiles each schema once. */
const compiled = new WeakMap<TObject, ReadonlyMap<string, TypeCheck<TSchema>>>()

const fieldChecks = (schema: TObject): ReadonlyMap<string, TypeCheck<TSchema>> => {
  const known = compiled.get(schema)
  if (known) return known
  const checks = new Map(
    Object.entries(schema.properties).map(([name, field]) => [name, TypeCompiler.Compile(field)]),
  )
  compiled.set(schema, checks)
  return checks
}
