import type { Page } from '../../manual/pages.ts'

// The manual is loaded only when someone reads it: no other command needs its text.
const manual = () => import('../../manual/pages.ts')

/** The names of the manual's pages, in order. */
export const topics = async (): Promise<readonly string[]> => [...(await manual()).PAGES.keys()]

/** Returns a page of the manual, or undefined if there is none with that name. */
export const pageOf = async (topic: string): Promise<Page | undefined> =>
  (await manual()).PAGES.get(topic)

/** Returns a page of the manual as text for a terminal. */
export const pageText = async ({ markdown }: Page, hasColours: boolean): Promise<string> => {
  const { terminalText } = await import('../../manual/text.ts')
  return terminalText(markdown, { columns: process.stdout.columns ?? 80, hasColours })
}
