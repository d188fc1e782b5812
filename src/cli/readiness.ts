import type { Config } from '../config/config.ts'
import { escaped } from '../http/log/text-line.ts'
import { ownUrl } from './command.ts'

const TIMEOUT_MS = 3000
const WORDS_BYTES_MAX = 4096

type Readiness =
  | { readonly state: 'ready' | 'no answer'; readonly url: string }
  | { readonly state: 'not ready'; readonly url: string; readonly words: string }

/** Asks the service on this machine whether it can do its work. Another program may have its port while
 * it is down: of what is answered little is read, and nothing that a terminal would act on. */
export const askReadiness = async (config: Config): Promise<Readiness> => {
  const url = ownUrl(config, '/readyz')
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'manual',
      // It asks itself over loopback, by a name that a certificate need not hold.
      tls: { rejectUnauthorized: false },
    })
    // Over its limit it still answers, which is all that can be asked then.
    if (answer.ok || answer.status === 429) {
      await answer.body?.cancel()
      return { state: 'ready', url }
    }
    return {
      state: 'not ready',
      url,
      words: escaped(wordsOf(await start(answer)) ?? String(answer.status)),
    }
  } catch {
    return { state: 'no answer', url }
  }
}

const start = async (answer: Response): Promise<string> => {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > WORDS_BYTES_MAX) break
  }
  return text
}

const wordsOf = (body: string): string | undefined => {
  try {
    const { msg } = JSON.parse(body) as { msg?: unknown }
    return typeof msg === 'string' ? msg : undefined
  } catch {
    return undefined
  }
}
