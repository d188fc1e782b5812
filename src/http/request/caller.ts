import type { Config } from '../../config/config.ts'
import { type SignedIn, isNewcomer } from '../../domain/account.ts'
import type { Origin } from '../../domain/audit-event.ts'
import type { Caller } from '../authorization.ts'
import type { ClientConnections, Peer } from '../connection/client-connections.ts'
import type { AnswerHeaders } from '../endpoint.ts'
import { CLOSING, HttpError } from '../errors.ts'
import { requestIdOf } from '../response-headers.ts'
import { canonicalAddress, clientAddress, isTrustedPeer } from './client-address.ts'
import { isForwarded, isSilentlyForwarded } from './forwarding.ts'

type Options = Pick<Config, 'trustedProxies'> & {
  /** Called after each request that claims to be forwarded by a peer that is not a trusted proxy. */
  readonly recordForwarded: (peer: Origin) => Promise<void>
  /** Called after each request that came through a proxy that says nothing about its client. */
  readonly recordSilentProxy: (peer: Origin) => Promise<void>
  readonly connections: Pick<ClientConnections, 'begin' | 'hasRoomForBody' | 'isScarce'>
}

type Arrived = {
  readonly request: Request
  readonly socket: Peer | null
  /** The headers of the answer. */
  readonly headers: AnswerHeaders
}

/** Returns functions that note requests and find out who makes them, and from where. */
export const callers = ({ trustedProxies, connections, ...record }: Options) => {
  /** Records a peer that claims to be a proxy but is not trusted, or a proxy that says nothing about its
   * client. */
  const recordProxy = (proxy: Proxy, peer: Origin): Promise<void> | undefined => {
    if (proxy === 'untrusted') return record.recordForwarded(peer)
    return proxy === 'silent' ? record.recordSilentProxy(peer) : undefined
  }

  return {
    /** Counts a request as in flight. */
    begin: ({ request, socket, headers }: Arrived): void => {
      if (socket) connections.begin(request, socket)
      if (connections.isScarce()) headers['connection'] = 'close'
    },

    /** Returns who makes a request. Throws 503 if too many large bodies are being received. */
    callerOf: (
      { request, socket, headers }: Arrived,
      signedIn: SignedIn | undefined,
    ): Caller | Promise<Caller> => {
      const whose = isNewcomer(signedIn?.account) ? 'newcomer' : 'member'
      if (!connections.hasRoomForBody(request, whose)) throw bodiesBusy()
      const peer = socket?.address ?? ''
      const userAgent = userAgentOf(request)
      const requestId = requestIdOf(headers)
      const forwardedFor = request.headers.get('x-forwarded-for')
      const isTrusted = isTrustedPeer(peer, trustedProxies)
      const address = clientAddress({ peer, forwardedFor, trustedProxies })
      const proxy = proxyBefore(request, { address: peer, isTrusted, userAgent })
      const caller = {
        address,
        isAddressHidden: isHidden(proxy, address === canonicalAddress(peer)),
        userAgent,
        requestId,
        account: signedIn?.account,
        sessionId: signedIn?.sessionId,
        token: signedIn?.token,
      }
      const recorded = recordProxy(proxy, { address: peer, userAgent, requestId })
      return recorded ? recorded.then(() => caller) : caller
    },
  }
}

/** What a request came through, if anything: a proxy that is trusted, one that is not, or one that says nothing
 * about its client. */
type Proxy = 'trusted' | 'untrusted' | 'silent' | undefined

const proxyBefore = (request: Request, peer: Parameters<typeof isSilentlyForwarded>[1]): Proxy => {
  if (isForwarded(request)) return peer.isTrusted ? 'trusted' : 'untrusted'
  return isSilentlyForwarded(request, peer) ? 'silent' : undefined
}

/** Even a trusted proxy may fail to name its client. */
const isHidden = (proxy: Proxy, isPeersOwn: boolean): boolean =>
  proxy === 'trusted' ? isPeersOwn : proxy !== undefined

const bodiesBusy = (): HttpError =>
  new HttpError(503, 'Server busy, try again', { ...CLOSING, 'Retry-After': '2' })

const USER_AGENT_CHARACTERS_MAX = 200

const userAgentOf = (request: Request): string =>
  (request.headers.get('user-agent') ?? '')
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, USER_AGENT_CHARACTERS_MAX)
    .toWellFormed()
