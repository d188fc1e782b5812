import { type Answer, type Request, asText, fromText, packed } from './messages.ts'
import type { Writer } from './writer.ts'

declare const self: Worker

/** Lets the main thread use a writer of this thread. `open` gets what the main thread passed to
 * `writerThread`. If `open` throws, its error answers the request, and the next request tries again: what
 * keeps a file from being opened may be temporary. */
export const serveWriter = (open: (given: unknown) => Writer): void => {
  let given: unknown
  let writer: Writer | undefined
  const opened = (): Writer => (writer ??= open(given))
  const answer = async (work: () => Promise<unknown>): Promise<void> => {
    const answered: Answer = await work().then(
      (value) => ({ value: withPlainFault(value) }),
      (error: unknown) => ({ rejected: packed(error) }),
    )
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    self.postMessage(answered)
  }
  let last: Promise<void> = Promise.resolve()
  self.addEventListener('message', ({ data }: MessageEvent<Given | Request>): void => {
    last = last.then(() =>
      answer(async () => {
        if (!('given' in data)) return call(opened(), data)
        given = data.given
        opened()
        return undefined
      }),
    )
  })
}

/** The first message, whose data `open` gets. */
type Given = { readonly given: unknown }

const call = async (writer: Writer, request: Request): Promise<unknown> => {
  if (request[0] === 'commit') {
    const [, inputs, how] = request
    const committed = await writer.commit(fromText(inputs), how)
    return { ...committed, outcomes: asText(committed.outcomes) }
  }
  const [method, ...args] = request
  return (writer[method] as (...given: readonly unknown[]) => Promise<unknown>)(...args)
}

/** Packs the error in answers that have one, which says that a part failed. */
const withPlainFault = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'fault' in value && value.fault !== undefined
    ? { ...value, fault: packed(value.fault) }
    : value
