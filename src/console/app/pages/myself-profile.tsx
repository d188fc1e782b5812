import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { Field } from '../components/field.tsx'
import { Form } from '../components/form.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { type Me, readPerson } from '../session.ts'

/** How one is reached. The name stays what it is: the log was written under it. */
export const Profile = ({ own }: { readonly own: Me }) => {
  const [phone, setPhone] = useState(own.phone)
  const [address, setAddress] = useState(own.address)
  const [email, setEmail] = useState(own.email ?? '')
  const send = async (): Promise<void> => {
    await api.patch('/v1/me', { phone, address, email: email.trim() || null })
    await readPerson()
    tell('Saved.')
  }
  return (
    <Section title="How to reach you" lead="Admins and owners of this door see it.">
      <Form action="Save" onSend={send}>
        <Field
          label="Phone"
          type="tel"
          value={phone}
          onValue={setPhone}
          maxLength={32}
          autocomplete="tel"
        />
        <Field
          label="Address"
          value={address}
          onValue={setAddress}
          maxLength={200}
          autocomplete="street-address"
        />
        <Field
          label="Email"
          type="email"
          value={email}
          onValue={setEmail}
          maxLength={254}
          autocomplete="email"
        />
      </Form>
    </Section>
  )
}
