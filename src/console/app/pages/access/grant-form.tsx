import type { ComponentChildren } from 'preact'
import { useContext, useState } from 'preact/hooks'
import type { Door } from '../../api/doors.ts'
import { type FieldErrors, FieldError, FormErrors } from '../../components/form/field-errors.ts'
import { Form } from '../../components/form/form.tsx'
import { fieldWordsOf } from './field-words.ts'
import { type GrantDraft, isNobody, missingIn } from './grant-draft.ts'
import { GrantFields } from './grant-fields.tsx'
import { PreviewCard, usePreview } from './preview.tsx'

type Props = {
  readonly action: string
  readonly initial: GrantDraft
  readonly doors: readonly Door[]
  /** Whether it may be for all doors, including later ones; true by default. */
  readonly mayBeAll?: boolean
  readonly onSend: (draft: GrantDraft) => Promise<void>
  readonly messageFor?: (error: unknown) => string | undefined
  /** The fields above the doors. */
  readonly who?: (draft: GrantDraft, change: (holder: string) => void) => ComponentChildren
  /** A note below the fields, about the draft. */
  readonly note?: (draft: GrantDraft) => ComponentChildren
}

/** Asks who may open which doors and when, and previews it while somebody types. */
export const GrantForm = (props: Props) => {
  const { action, initial, doors, mayBeAll = true, onSend, messageFor, who, note } = props
  const [draft, setDraft] = useState(initial)
  // Errors disappear once something is changed.
  const [sent, setSent] = useState<GrantDraft>()
  const preview = usePreview(draft)
  const change = (part: Partial<GrantDraft>): void => setDraft((before) => ({ ...before, ...part }))
  const send = async (): Promise<void> => {
    const missing = missingIn(draft)
    setSent(draft)
    if (missing) throw new FieldError({ [isNobody(draft.holder) ? 'holder' : 'locks']: missing })
    try {
      await onSend(draft)
    } catch (error) {
      const fields = fieldWordsOf(error)
      throw Object.keys(fields).length > 0 ? new FieldError(fields) : error
    }
  }
  return (
    <Form action={action} onSend={send} {...(messageFor ? { messageFor } : {})}>
      <WithErrors errors={preview.fields} isSent={draft === sent}>
        <div class="with-preview">
          <div class="grant-fields">
            {who?.(draft, (holder) => change({ holder }))}
            <GrantFields draft={draft} onChange={change} doors={doors} mayBeAll={mayBeAll} />
          </div>
          <PreviewCard draft={draft} preview={preview}>
            {note?.(draft)}
          </PreviewCard>
        </div>
      </WithErrors>
    </Form>
  )
}

type WithErrorsProps = {
  readonly errors: FieldErrors
  /** Whether the form is as it was sent. */
  readonly isSent: boolean
  readonly children: ComponentChildren
}

/** Shows errors at their fields, in addition to those of the form until something is changed. */
const WithErrors = ({ errors, isSent, children }: WithErrorsProps) => {
  const known = useContext(FormErrors)
  const value = isSent ? { ...known, ...errors } : errors
  return <FormErrors.Provider value={value}>{children}</FormErrors.Provider>
}
