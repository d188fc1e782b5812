import { Field } from './field.tsx'

export type Contact = { readonly phone: string; readonly address: string; readonly email: string }

export const NO_CONTACT: Contact = { phone: '', address: '', email: '' }

type Props = {
  readonly value: Contact
  readonly onValue: (value: Contact) => void
  /** What follows each label. */
  readonly note?: string
}

/** How to reach a person. */
export const ContactFields = ({ value, onValue, note = '' }: Props) => (
  <>
    <Field
      label={`Phone${note}`}
      name="phone"
      type="tel"
      value={value.phone}
      onValue={(phone) => onValue({ ...value, phone })}
      maxLength={32}
      autocomplete="tel"
    />
    <Field
      label={`Address${note}`}
      name="address"
      value={value.address}
      onValue={(address) => onValue({ ...value, address })}
      maxLength={200}
      autocomplete="street-address"
    />
    <Field
      label={`Email${note}`}
      name="email"
      type="email"
      value={value.email}
      onValue={(email) => onValue({ ...value, email })}
      maxLength={254}
      autocomplete="email"
    />
  </>
)
