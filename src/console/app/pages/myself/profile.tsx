import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { type Me, reloadMe } from '../../api/session.ts'

/** The contact details. The name cannot change, because the log has it. */
export const Profile = ({ own }: { readonly own: Me }) => {
  const [phone, setPhone] = useState(own.phone)
  const [address, setAddress] = useState(own.address)
  const [email, setEmail] = useState(own.email ?? '')
  const send = async (): Promise<void> => {
    await api.patch('/v1/me', { phone, address, email: email.trim() || null })
    await reloadMe()
    showToast('Saved.')
  }
  return (
    <Section title="Contact details" lead="Only admins and owners see them.">
      <Form action="Save" onSend={send}>
        <Field
          label="Phone"
          name="phone"
          type="tel"
          value={phone}
          onValue={setPhone}
          maxLength={32}
          autocomplete="tel"
        />
        <Field
          label="Address"
          name="address"
          value={address}
          onValue={setAddress}
          maxLength={200}
          autocomplete="street-address"
        />
        <Field
          label="Email"
          name="email"
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
