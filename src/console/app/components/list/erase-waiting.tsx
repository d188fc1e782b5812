import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { WaitingListAnswer } from '../../../../accounts/registration/schema.ts'
import { api, withQuery } from '../../api/client.ts'
import type { Person } from '../../api/person.ts'
import { Button } from '../form/button.tsx'
import { Confirm } from '../form/dialog.tsx'

type Props = {
  readonly people: readonly Person[]
  readonly onErased: (message: string) => void
}

/** Ends a flood of registrations: erases everyone on the waiting list, or everyone from an address that
 * several of these people share. */
export const EraseWaiting = ({ people, onErased }: Props) => (
  <div class="actions">
    {sharedAddresses(people).map((address) => (
      <EraseAll key={address} address={address} onErased={onErased} />
    ))}
    <EraseAll onErased={onErased} />
  </div>
)

const sharedAddresses = (people: readonly Person[]): readonly string[] => {
  const addresses = people.flatMap((person) => person.registered_from ?? [])
  return [...new Set(addresses.filter((address, at) => addresses.indexOf(address) !== at))]
}

type EraseAllProps = Pick<Props, 'onErased'> & { readonly address?: string }

const EraseAll = ({ address, onErased }: EraseAllProps) => {
  const [isAsked, setAsked] = useState(false)
  const [erased, setErased] = useState(0)
  const title = `Erase everyone ${address ? `from ${address}` : 'who is waiting'}`
  const erase = async (): Promise<void> => {
    const path = withQuery('/v1/waiting-list', { registered_from: address })
    setErased((await api.delete<Static<typeof WaitingListAnswer>>(path)).erased)
  }
  return (
    <>
      <Button onClick={() => setAsked(true)}>{title}</Button>
      <Confirm
        title={`${title}?`}
        action="Erase everyone"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={erase}
        onDone={() =>
          onErased(erased === 1 ? '1 person is erased.' : `${erased} people are erased.`)
        }
      >
        <p>
          <strong>This cannot be undone.</strong> People who have been let in stay, so let in those
          you know first. The others can register again while registration is open.
        </p>
      </Confirm>
    </>
  )
}
