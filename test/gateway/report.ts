/** Counts checks, and prints a line for each. */
export const newReport = () => {
  const counts = { passed: 0, failed: 0 }
  const begun = performance.now()
  return {
    counts,
    /** Runs a check. It fails if it throws; what it returns are figures for people. */
    check: async (what: string, holds: () => Promise<string | void>): Promise<void> => {
      const outcome = await holds().then(
        (figures) => ({ mark: 'ok  ', words: figures ?? '' }),
        (error: unknown) => ({ mark: 'FAIL', words: wordsOf(error) }),
      )
      if (outcome.mark === 'FAIL') counts.failed += 1
      else counts.passed += 1
      const at = `${Math.round((performance.now() - begun) / 1000)} s`.padStart(7)
      console.log(`${outcome.mark} ${at}  ${what}${outcome.words && `: ${outcome.words}`}`)
    },
  }
}

export type Check = ReturnType<typeof newReport>['check']

const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .trim()
    .replaceAll('\n', '\n              ')
