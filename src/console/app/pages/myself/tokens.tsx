import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { MadeTokenAnswer, TokensAnswer } from '../../../../accounts/tokens/schema.ts'
import { api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { SecretOnce } from '../../components/codes/secret-once.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Section } from '../../components/layout/section.tsx'
import { TokenRow } from '../../components/list/token-row.tsx'
import { scopesWords } from '../../words/scope.ts'
import { NewToken } from './new-token.tsx'

type Made = Static<typeof MadeTokenAnswer>

/** Your access tokens: keys for programs, which may do less than you. */
export const OwnTokens = () => {
  const loaded = useLoad('tokens', (signal) =>
    api.get<Static<typeof TokensAnswer>>('/v1/me/tokens', { signal }),
  )
  const [isAdding, setAdding] = useState(false)
  const [made, setMade] = useState<Made>()
  const heading = useRef<HTMLHeadingElement>(null)
  const back = (): void => heading.current?.focus()
  return (
    <Section
      title="Access tokens"
      lead="Keys for programs, so that none of them needs your password. They never do more than you may."
      heading={heading}
    >
      {made && (
        <SecretOnce
          title={`The token ${made.name}`}
          secret={made.token}
          what="token"
          onDone={() => {
            setMade(undefined)
            back()
          }}
        >
          <p>It may {scopesWords(made.scopes)}. You will not see it again.</p>
        </SecretOnce>
      )}
      <WhenLoaded what="access tokens" loaded={loaded}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <p class="quiet">You have none.</p>
          ) : (
            <ul class="list" aria-label="Access tokens">
              {tokens.map((token) => (
                <li key={token.id}>
                  <TokenRow
                    token={token}
                    path={`/v1/me/tokens/${token.id}`}
                    onRevoked={() => {
                      showToast(`${token.name} is revoked.`)
                      back()
                      loaded.reload()
                    }}
                  />
                </li>
              ))}
            </ul>
          )
        }
      </WhenLoaded>
      {isAdding ? (
        <NewToken
          onMade={(token) => {
            setAdding(false)
            setMade(token)
            loaded.reload()
          }}
          onCancel={() => {
            setAdding(false)
            back()
          }}
        />
      ) : (
        !made && <Button onClick={() => setAdding(true)}>New token</Button>
      )}
    </Section>
  )
}
