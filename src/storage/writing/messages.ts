import { AppError, type ErrorCode, type ErrorDetails } from '../../errors.ts'
import type { Writer } from './writer.ts'

/** A request to the writer thread: a method of `Writer` and its arguments. */
export type Request = {
  readonly [Method in keyof Writer]: readonly [Method, ...Parameters<Writer[Method]>]
}[keyof Writer]

/** The answer to a request. Answers come in the order of the requests. */
export type Answer = { readonly value: unknown } | { readonly rejected: Fault }

/** Packs the inputs or outcomes of a program into one text, which passes in a third of the time that objects
 * take. */
export const asText = (values: readonly unknown[]): readonly unknown[] =>
  values.length === 0 ? values : [JSON.stringify(values)]

export const fromText = ([text]: readonly unknown[]): readonly unknown[] =>
  typeof text === 'string' ? (JSON.parse(text) as unknown[]) : []

/** An error as plain data, because only plain data passes between threads. */
export type Fault = {
  readonly message: string
  readonly stack: string | undefined
  readonly cause: Fault | undefined
  /** Of an AppError, like `details`. */
  readonly code?: ErrorCode
  readonly details?: ErrorDetails
}

export const packed = (error: unknown): Fault => {
  if (!(error instanceof Error))
    return { message: String(error), stack: undefined, cause: undefined }
  const { message, stack } = error
  const cause = error.cause === undefined ? undefined : packed(error.cause)
  const own = error instanceof AppError ? { code: error.code, details: plain(error.details) } : {}
  return { message, stack, cause, ...own }
}

export const unpacked = ({ message, stack, cause, code, details }: Fault): Error => {
  const options = cause ? { cause: unpacked(cause) } : {}
  const error = code
    ? new AppError(code, message, { ...details, ...options })
    : new Error(message, options)
  if (stack !== undefined) error.stack = stack
  return error
}

const plain = ({ reason, contractMessage, fields }: ErrorDetails): ErrorDetails => ({
  reason,
  contractMessage,
  fields,
})
