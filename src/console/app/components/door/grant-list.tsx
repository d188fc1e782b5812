import type { ComponentChildren } from 'preact'
import type { Grant } from '../../api/doors.ts'
import { usePages } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { List } from '../list/list.tsx'
import { GrantRow } from './grant-row.tsx'

type Props = {
  readonly label: string
  readonly query: {
    readonly state?: string
    readonly holder?: string | undefined
    readonly lock?: string | undefined
  }
  readonly empty: ComponentChildren
}

const PAGE_ROWS = 50

/** Lists grants, newest first. */
export const GrantList = ({ label, query, empty }: Props) => {
  const pages = usePages<Grant>('/v1/grants', { ...query, limit: PAGE_ROWS }, 'grants')
  const isLinked = isAtLeast(role.value, 'admin')
  return (
    <List
      label={label}
      pages={pages}
      keyOf={({ id }) => id}
      row={(grant) => <GrantRow grant={grant} isLinked={isLinked} />}
      empty={empty}
    />
  )
}
