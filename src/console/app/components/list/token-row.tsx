import type { Static } from '@sinclair/typebox'
import type { TokenAnswer } from '../../../../accounts/tokens/schema.ts'
import { api } from '../../api/client.ts'
import { Time } from '../../time/time.tsx'
import { scopesWords } from '../../words/scope.ts'
import { Action } from '../form/action.tsx'

type Token = Static<typeof TokenAnswer>

type Props = {
  readonly token: Token
  /** Whose it is, if not your own. */
  readonly owner?: string
  /** Where it is revoked. */
  readonly path: string
  readonly onRevoked: () => void
}

/** An access token: what it may do, when it was last used and from where, and when it ends. */
export const TokenRow = ({ token, owner, path, onRevoked }: Props) => {
  const { name, scopes, expires_at: endsAt, expired, used_at: usedAt, used_from: from } = token
  const revoke = async (): Promise<void> => {
    await api.delete(path)
    onRevoked()
  }
  return (
    <div class="row with-action">
      <div>
        <strong>{name}</strong> {owner !== undefined && <span class="quiet">of {owner} </span>}
        {expired && <span class="badge warning">ended</span>}
        {endsAt === null && <span class="badge warning">never ends</span>}
        <p>May {scopesWords(scopes)}.</p>
        <p class="quiet">
          {usedAt === null ? 'Never used' : <LastUse at={usedAt} />}
          {from !== null && ` from ${from}`}
          {endsAt !== null && (
            <>
              , {expired ? 'ended' : 'ends'} <Time at={endsAt} format="printed" />
            </>
          )}
        </p>
      </div>
      <Action onAct={revoke} label={`Revoke: ${name}`}>
        Revoke
      </Action>
    </div>
  )
}

const HOUR_MS = 3_600_000

/** The gateway notes the hour of a use, not the minute. */
const LastUse = ({ at }: { readonly at: string }) =>
  Date.now() - Date.parse(at) < HOUR_MS ? (
    <>Used within the last hour</>
  ) : (
    <>
      Last used <Time at={at} />
    </>
  )
