import { bearer, clientOf } from '../support/app.ts'

/** What phones were answered about their unlocks. Each unlock has a unique method that identifies it. */
export type Outcomes = {
  /** Answered 200, with the sequence number if the answer has one. */
  readonly acknowledged: Map<string, number | undefined>
  /** Answered 503: nothing was written, according to the manual. */
  readonly refused: Set<string>
  /** Not answered: may be in the log or not, but not twice. */
  readonly unanswered: Set<string>
}

export const noOutcomes = (): Outcomes => ({
  acknowledged: new Map(),
  refused: new Set(),
  unanswered: new Set(),
})

type Options = {
  readonly url: string
  readonly token: string
  readonly outcomes: Outcomes
  /** The load ends when this is true, or at the first connection that breaks. */
  readonly isOver: () => boolean
}

const SINGLE_CONNECTIONS = 5
const BATCH_CONNECTIONS = 3
const BATCH_EVENTS = 20

let methods = 0
const newMethod = (): string => `method ${(methods += 1)}`

/** Posts unlocks over several connections at once, one at a time and in batches. */
export const load = async (options: Options): Promise<void> => {
  await Promise.all([
    ...Array.from({ length: SINGLE_CONNECTIONS }, () => repeated(options, postOne)),
    ...Array.from({ length: BATCH_CONNECTIONS }, () => repeated(options, postBatch)),
  ])
}

const repeated = async (options: Options, post: Post): Promise<void> => {
  while (!options.isOver() && (await post(options))) {
    // The next one.
  }
}

type Post = (options: Options) => Promise<boolean>

const postOne: Post = async (options) => {
  const method = newMethod()
  const answer = await answerOf(options, '/logUnlocking', { 'unlocking-method': method })
  return noted(options.outcomes, [method], answer, () => [undefined])
}

const postBatch: Post = (options) => postMany(options, BATCH_EVENTS)

/** Posts that many unlocks in one batch; returns whether it was answered. */
export const postMany = async (
  options: Omit<Options, 'isOver'>,
  count: number,
): Promise<boolean> => {
  const batch = Array.from({ length: count }, newMethod)
  const events = batch.map((method) => ({ id: crypto.randomUUID(), method }))
  const answer = await answerOf(options, '/v1/unlocks', events)
  return noted(options.outcomes, batch, answer, (body) =>
    (body as { outcomes: { status: string; seq: number }[] }).outcomes.map(({ status, seq }) => {
      if (status !== 'stored') throw new Error(`a new unlock was answered as ${status}`)
      return seq
    }),
  )
}

type Answer = { readonly status: number; readonly body: unknown } | undefined

type Caller = Pick<Options, 'url' | 'token'>

const answerOf = async ({ url, token }: Caller, path: string, body: unknown): Promise<Answer> => {
  try {
    const answer = await clientOf(url).post(path, body, bearer(token))
    return { status: answer.status, body: await answer.json() }
  } catch {
    return undefined
  }
}

/** Notes what became of the unlocks; returns whether the connection still answers. */
const noted = (
  outcomes: Outcomes,
  sent: readonly string[],
  answer: Answer,
  seqs: (body: unknown) => readonly (number | undefined)[],
): boolean => {
  if (!answer) for (const method of sent) outcomes.unanswered.add(method)
  else if (answer.status === 503) {
    // The only refusal after which the unlock may be recorded.
    const isUnknown = JSON.stringify(answer.body).includes('is not known')
    for (const method of sent) (isUnknown ? outcomes.unanswered : outcomes.refused).add(method)
  } else if (answer.status === 200) {
    const found = seqs(answer.body)
    for (const [at, method] of sent.entries()) outcomes.acknowledged.set(method, found[at])
  } else throw new Error(`an unlock was answered ${answer.status}`)
  return answer !== undefined
}
