import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../api/client.ts'
import { ShownBesideField, errorMessage } from '../../words/error.ts'

type FieldError<Name extends string> = {
  /** The field that it is about. */
  readonly field: Name
  /** Replaces the server's message. */
  readonly message?: string
}

/** Shows an error of a form beside the field that it is about, and moves focus there. `byCode` names
 * the field for each error code; any other error is thrown on, for the form to show. */
export const useFieldErrors = <Name extends string>(
  byCode: Readonly<Record<string, FieldError<Name>>>,
) => {
  const [errors, setErrors] = useState<Partial<Record<Name, string>>>({})
  useEffect(() => {
    const form = document.activeElement?.closest('form')
    form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [errors])
  const withFieldErrors = (send: () => Promise<void>) => async (): Promise<void> => {
    setErrors({})
    try {
      await send()
    } catch (error) {
      const found = error instanceof ApiError ? byCode[error.code] : undefined
      if (!found) throw error
      const message = found.message ?? errorMessage(error)
      setErrors({ [found.field]: message } as Partial<Record<Name, string>>)
      throw new ShownBesideField()
    }
  }
  return { errors, withFieldErrors }
}

/** The API does not tell a wrong password from a lockout, so the message mentions both. */
export const WRONG_PASSWORD =
  'This is not your password. After many failed logins, even the right one is refused for a while.'

export const WEAK_PASSWORD =
  'This password is too easy to guess: too short, too common, or too similar to the name.'

export const PASSWORD_HINT = 'Use three or four unrelated words.'

export const WRONG_CODE =
  'This code is wrong or was used already. Wait for the next one. If none works, the clock of the ' +
  'phone or the gateway is wrong.'
