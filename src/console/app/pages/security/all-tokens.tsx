import type { Static } from '@sinclair/typebox'
import { useRef } from 'preact/hooks'
import type { TokenPageAnswer } from '../../../../accounts/tokens/schema.ts'
import { usePages } from '../../api/load.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Section } from '../../components/layout/section.tsx'
import { List } from '../../components/list/list.tsx'
import { TokenRow } from '../../components/list/token-row.tsx'

type OwnedToken = Static<typeof TokenPageAnswer>['tokens'][number]

/** Everybody's access tokens. */
export const AllTokens = () => {
  const pages = usePages<OwnedToken>('/v1/tokens', {}, 'tokens')
  const heading = useRef<HTMLHeadingElement>(null)
  return (
    <Section title="Access tokens" lead="Everybody’s keys for programs." heading={heading}>
      <List
        label="Access tokens"
        pages={pages}
        keyOf={({ id }) => id}
        row={(token) => (
          <TokenRow
            token={token}
            owner={token.account.username}
            path={`/v1/tokens/${token.id}`}
            onRevoked={() => {
              showToast(`${token.name} is revoked.`)
              heading.current?.focus()
              pages.reload()
            }}
          />
        )}
        empty="There are none."
      />
    </Section>
  )
}
