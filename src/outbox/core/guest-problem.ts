import type { GuestProblem } from '../../domain/home-event.ts'

type Problem = { readonly problem: GuestProblem; readonly passId: string }

/** Writes a problem of a guest as it is stored, without a name. */
export const guestProblemText = ({ problem, passId }: Problem): string => `${problem} ${passId}`

/** Returns the id of the pass in a stored problem, and what it says of a guest; undefined for other text. */
export const guestProblemFrom = (
  text: string,
): { readonly passId: string; readonly says: (guest: string) => string } | undefined => {
  const [problem = '', passId = ''] = text.split(' ')
  return isProblem(problem) ? { passId, says: SAYS[problem] } : undefined
}

const SAYS: Readonly<Record<GuestProblem, (guest: string) => string>> = {
  another_device: (guest) =>
    `The pass of ${guest} was tried on another phone. Allow one more phone, or make a new link if it was passed on.`,
  asks: (guest) => `${guest} asks for help with their pass.`,
}

const isProblem = (text: string): text is GuestProblem => Object.hasOwn(SAYS, text)
