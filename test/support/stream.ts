import { until } from './until.ts'

type Message = { readonly id: number; readonly text: string }

/** Reads the stream of unlocks as EventSource does: messages and comments, until it ends or is left. */
export const follow = async (url: string, headers: Record<string, string>, query = '') => {
  const leaving = new AbortController()
  const answer = await fetch(`${url}/v1/unlocks/stream${query}`, {
    headers,
    signal: leaving.signal,
  })
  const messages: Message[] = []
  const comments: string[] = []
  const read = async () => {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, id, data = ''] = /^id: (\d+)\nevent: unlock\ndata: (.*)$/.exec(block) ?? []
        if (id === undefined) comments.push(block)
        else messages.push({ id: Number(id), text: data })
      }
    }
  }
  const isOver = read().catch(() => 'left' as const)
  if (answer.ok) await until(() => comments.length > 0)
  return {
    answer,
    messages,
    comments,
    ids: () => messages.map(({ id }) => id),
    until,
    isOver,
    leave: async () => {
      leaving.abort()
      await isOver
    },
  }
}
