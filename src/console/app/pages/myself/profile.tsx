import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Contact, ContactFields } from '../../components/form/contact-fields.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { type Me, reloadMe } from '../../api/session.ts'

/** The contact details. The name cannot change, because the log has it. */
export const Profile = ({ own }: { readonly own: Me }) => {
  const { phone, address, email } = own
  const [contact, setContact] = useState<Contact>({ phone, address, email: email ?? '' })
  const send = async (): Promise<void> => {
    await api.patch('/v1/me', { ...contact, email: contact.email.trim() || null })
    await reloadMe()
    showToast('Saved.')
  }
  return (
    <Section title="Contact details" lead="Only admins and owners see them.">
      <Form action="Save" onSend={send}>
        <ContactFields value={contact} onValue={setContact} />
      </Form>
    </Section>
  )
}
