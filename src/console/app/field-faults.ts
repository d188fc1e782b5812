import { useEffect, useState } from 'preact/hooks'
import { ApiError } from './api.ts'
import { ToldBesideField, wordsOf } from './words.ts'

type Told<Name extends string> = {
  /** Which field it is about. */
  readonly at: Name
  /** In other words than the server's. */
  readonly words?: string
}

/** Puts what a form is refused for beside the field that it is about. `told` names the field by the
 * code of the fault; what it does not name is thrown on, for the form to tell. Focus goes to that field. */
export const useFieldFaults = <Name extends string>(told: Readonly<Record<string, Told<Name>>>) => {
  const [faults, setFaults] = useState<Partial<Record<Name, string>>>({})
  useEffect(() => {
    const form = document.activeElement?.closest('form')
    form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [faults])
  const placing = (send: () => Promise<void>) => async (): Promise<void> => {
    setFaults({})
    try {
      await send()
    } catch (error) {
      const found = error instanceof ApiError ? told[error.code] : undefined
      if (!found) throw error
      setFaults({ [found.at]: found.words ?? wordsOf(error) } as Partial<Record<Name, string>>)
      throw new ToldBesideField()
    }
  }
  return { faults, placing }
}

/** The gateway tells a wrong password from a wait by nothing, so words must name both. */
export const WRONG_PASSWORD =
  'This is not your password. After many wrong ones even the right one is refused for a while.'

export const WEAK_PASSWORD =
  'This password is too easy to guess: too short, often used, or close to the name.'

export const WRONG_CODE =
  'This code is not right, or was used already: wait for the next one. If none works, the clock of ' +
  'the phone or the gateway is wrong.'
