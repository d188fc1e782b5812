/** A row of the table that the bench prints. */
export type Line = {
  readonly what: string
  readonly measured: string
  readonly target?: string
  readonly isMet?: boolean | undefined
}

/** The rows of one part, yielded as they are measured. */
export type Lines = AsyncGenerator<Line, void>

/** Measures one part in an empty folder. */
export type Part = (folder: string) => Lines

/** Says what is happening, for people who wait. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)

export const count = (value: number): string => Math.round(value).toLocaleString('en')

/** Returns a number with three digits, or with all of those before the point. */
export const figure = (value: number): string =>
  Math.abs(value) >= 100 ? count(value) : String(Number(value.toPrecision(3)))

type Bound = {
  readonly what: string
  readonly value: number
  readonly unit?: string
  /** The figures that the value comes from or belongs to. */
  readonly of?: string
}

const bounded =
  (sign: string, isMet: (value: number, bound: number) => boolean) =>
  (bound: number, { what, value, unit = '', of }: Bound): Line => ({
    what,
    measured: `${figure(value)}${unit}${of ? ` (${of})` : ''}`,
    target: `${sign} ${figure(bound)}${unit}`,
    isMet: isMet(value, bound),
  })

/** Returns a row whose value must not be larger than the target. */
export const atMost = bounded('≤', (value, bound) => value <= bound)

/** Returns a row whose value must not be smaller than the target. */
export const atLeast = bounded('≥', (value, bound) => value >= bound)

export const tableHead = ['| what | measured | target | |', '| --- | --- | --- | --- |'].join('\n')

export const tableRow = ({ what, measured, target = '', isMet }: Line): string =>
  `| ${what} | ${measured} | ${target} | ${isMet === undefined ? '' : isMet ? 'met' : 'MISSED'} |`

export const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((left, right) => left - right)[
    Math.min(values.length - 1, Math.floor(values.length * part))
  ] ?? Number.NaN

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** Yields rows; if measuring fails, the last one says so, and other parts can follow. */
export async function* despiteFaults(what: string, lines: Lines): Lines {
  try {
    yield* lines
  } catch (error) {
    say(String(error instanceof Error ? error.stack : error))
    yield { what, measured: `failed: ${String(error)}`, isMet: false }
  }
}
