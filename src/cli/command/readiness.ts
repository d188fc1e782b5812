import type { Config } from '../../config/config.ts'
import { shownText } from '../../domain/text/shown-text.ts'

const TIMEOUT_MS = 3000
const ANSWER_CHARACTERS_MAX = 4096

type Readiness =
  | { readonly state: 'ready' | 'no answer'; readonly url: string }
  | { readonly state: 'not ready'; readonly url: string; readonly reason: string }

/** Asks the service on this machine whether it is ready, never through a proxy. While it is down, another program may use its
 * port, so only the start of the answer is read, and control characters are escaped. */
export const askReadiness = async (config: Config): Promise<Readiness> => {
  const url = ownUrl(config, '/readyz')
  try {
    const answer = await fetch(url, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'manual',
      // Whatever HTTP_PROXY, HTTPS_PROXY and ALL_PROXY say: a proxy reaches another loopback, or none.
      proxy: false,
      // This is loopback, and the certificate need not name its address.
      tls: { rejectUnauthorized: false },
    })
    // A service that refuses because of its rate limit is up; nothing more can be learned then.
    if (answer.ok || answer.status === 429) {
      await answer.body?.cancel()
      return { state: 'ready', url }
    }
    return {
      state: 'not ready',
      url,
      reason: shownText(messageIn(await startOf(answer)) ?? String(answer.status)),
    }
  } catch {
    return { state: 'no answer', url }
  }
}

const startOf = async (answer: Response): Promise<string> => {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > ANSWER_CHARACTERS_MAX) break
  }
  return text
}

const messageIn = (body: string): string | undefined => {
  try {
    const { msg } = JSON.parse(body) as { msg?: unknown }
    return typeof msg === 'string' ? msg : undefined
  } catch {
    return undefined
  }
}

/** The address at which this machine reaches its own service. */
const ownUrl = ({ host, port, tlsCertFile }: Config, path: string): string => {
  const reachable = OWN_HOSTS[host] ?? host
  const name = reachable.includes(':') ? `[${reachable}]` : reachable
  return `${tlsCertFile === undefined ? 'http' : 'https'}://${name}:${port}${path}`
}

const OWN_HOSTS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
