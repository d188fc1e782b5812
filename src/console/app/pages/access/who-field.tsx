import { type Holders, ROLE_HOLDERS } from '../../api/holders.ts'
import { mayManage } from '../../api/person.ts'
import { role } from '../../api/session.ts'
import { Select, withSelected } from '../../components/form/select.tsx'

type Props = {
  readonly holders: Holders
  readonly value: string
  readonly onValue: (holder: string) => void
}

/** The person or role that gets access. An admin gives it to members only. */
export const WhoField = ({ holders, value, onValue }: Props) => {
  const people = holders.people.filter(mayManage)
  const roles = ROLE_HOLDERS.filter(
    (holder) => role.value === 'owner' || holder.value === 'role:member',
  )
  const options = [
    ...roles,
    ...people.map(({ id, username, admitted, disabled }) => ({
      value: `account:${id}`,
      label: username + (disabled ? ' (disabled)' : admitted ? '' : ' (waiting to be let in)'),
    })),
  ]
  const waiting = people.find(({ id, admitted }) => !admitted && value === `account:${id}`)
  return (
    <div class="field">
      <Select
        label="Who"
        name="holder"
        value={value}
        onValue={onValue}
        options={withSelected(options, value, holders.nameOf(value))}
        any="Choose…"
      />
      {waiting && <p class="hint">This also lets {waiting.username} in.</p>}
    </div>
  )
}
