import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Guest, passPath } from '../../api/guests.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'

type Props = { readonly guest: Guest; readonly onErased: () => void }

/** Erases a guest now instead of some weeks after the end of the pass. */
export const EraseGuest = ({ guest, onErased }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const name = guest.label
  return (
    <div class="offer sheet">
      <p>
        <strong>No longer needed?</strong>{' '}
        <span class="quiet">
          The gateway erases guests by itself some time after their pass ends.
        </span>
      </p>
      <Button onClick={() => setAsked(true)}>Erase now</Button>
      <Confirm
        title={`Erase ${name}?`}
        action={`Erase ${name}`}
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(passPath(guest.id))}
        onDone={onErased}
      >
        <p>
          The pass ends at once, and the name, the phones and what {name} did are erased for good.
          The log keeps that a door was opened, and not by whom.
        </p>
      </Confirm>
    </div>
  )
}
