type Answer = { readonly status: number | null; readonly answer: string | null }

/** What a receiver answered, or what went wrong, after a colon; empty if nothing is known. */
export const answerWords = ({ status, answer }: Answer): string => {
  const words = [status === null ? '' : `status ${status}`, answer ?? '']
    .filter((part) => part !== '')
    .join(', ')
  return words && `: ${words}`
}
