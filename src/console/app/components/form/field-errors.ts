import { createContext } from 'preact'
import { ApiError } from '../../api/client.ts'
import { errorMessage } from '../../words/error.ts'
import { sentence } from '../../words/format.ts'

/** What is wrong with the fields of a form, by their names. */
export type FieldErrors = Readonly<Record<string, string>>

/** An error that a form shows beside its fields. */
export class FieldError extends Error {
  readonly fields: FieldErrors

  constructor(fields: FieldErrors) {
    super(Object.values(fields).join(' '))
    this.name = 'FieldError'
    this.fields = fields
  }
}

/** The errors that the fields of the form around them show. */
export const FormErrors = createContext<FieldErrors>({})

/** Returns what an error says about fields: one of ours, or a refusal of the gateway that names them. */
export const fieldErrorsOf = (error: unknown): FieldErrors => {
  if (error instanceof FieldError) return error.fields
  if (!(error instanceof ApiError)) return {}
  const { fields, message } = error
  const names = Object.keys(fields)
  return Object.fromEntries(
    names.map((name) => [name, sentence(names.length === 1 ? message : `Needs ${fields[name]}`)]),
  )
}

type Place = {
  /** The name of the field that it is about. */
  readonly field: string
  /** Replaces the gateway's message. */
  readonly message?: string
}

/** Sends a form, and puts the errors with these codes beside their fields. */
export const withFieldErrors =
  (byCode: Readonly<Record<string, Place>>, send: () => Promise<void>) =>
  async (): Promise<void> => {
    try {
      await send()
    } catch (error) {
      const place = error instanceof ApiError ? byCode[error.code] : undefined
      if (!place) throw error
      throw new FieldError({ [place.field]: place.message ?? errorMessage(error) })
    }
  }

/** The API does not tell a wrong password from a lockout, so the message mentions both. */
export const WRONG_PASSWORD =
  'This is not your password. After many failed logins, even the right one is refused for a while.'

export const WRONG_CODE =
  'This code is wrong or has already been used. Wait for the next one. If none works, the clock of the ' +
  'phone or the gateway is wrong.'
