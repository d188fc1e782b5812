import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Opening } from '../../api/doors.ts'
import type { FieldErrors } from '../../components/form/field-errors.ts'
import { Occurs } from '../../components/door/occurs.tsx'
import { errorMessage } from '../../words/error.ts'
import { fieldWordsOf } from './field-words.ts'
import { type GrantDraft, grantBody, holderBody, missingIn } from './grant-draft.ts'

type Answer = { readonly words: string; readonly occurs: readonly Opening[] }

export type Preview = {
  readonly answer: Answer | undefined
  /** What is wrong as a whole. */
  readonly error: string
  readonly fields: FieldErrors
}

const NOTHING: Preview = { answer: undefined, error: '', fields: {} }

/** Long enough that errors do not appear after every letter. */
const AFTER_MS = 400

/** What a draft would mean, in the words of the gateway; undefined until it has answered. */
export const usePreview = (draft: GrantDraft): Preview => {
  const missing = missingIn(draft)
  const body = missing
    ? ''
    : JSON.stringify({ holder: holderBody(draft.holder), ...grantBody(draft) })
  const [preview, setPreview] = useState<Preview>(NOTHING)
  useEffect(() => {
    if (body === '') {
      setPreview(NOTHING)
      return undefined
    }
    let isCurrent = true
    const ask = async (): Promise<void> => {
      const next = await read(JSON.parse(body)).catch(faultOf)
      if (isCurrent) setPreview(next)
    }
    const timer = setTimeout(() => void ask(), AFTER_MS)
    return () => {
      isCurrent = false
      clearTimeout(timer)
    }
  }, [body])
  return preview
}

const read = async (body: unknown): Promise<Preview> => ({
  ...NOTHING,
  answer: await api.post<Answer>('/v1/grants/preview', body),
})

const faultOf = (error: unknown): Preview => {
  const fields = fieldWordsOf(error)
  return { ...NOTHING, fields, error: Object.keys(fields).length === 0 ? errorMessage(error) : '' }
}

type Props = {
  readonly draft: GrantDraft
  readonly preview: Preview
  /** What is said besides, once there is a preview. */
  readonly children?: ComponentChildren
}

/** Shows what a draft would mean, while somebody types. */
export const PreviewCard = ({ draft, preview: { answer, error, fields }, children }: Props) => {
  const missing = missingIn(draft)
  const isWrong = error !== '' || Object.keys(fields).length > 0
  return (
    <div class="preview-card" role="status" aria-label="Preview">
      {missing && <p class="quiet">{missing}</p>}
      {isWrong && <p class="error">{error || 'Something above is not right yet.'}</p>}
      {!missing && answer && (
        <>
          <p class="words">{answer.words}</p>
          <h3>Next openings</h3>
          <Occurs occurs={answer.occurs} />
          {children}
        </>
      )}
    </div>
  )
}
