import type { ComponentChildren } from 'preact'
import { errorMessage } from '../../words/error.ts'
import { Button } from '../form/button.tsx'

/** Shown while something loads, if that takes a while. */
export const Loading = ({ what }: { readonly what: string }) => (
  <p class="loading" role="status">
    Loading {what.toLowerCase()}…
  </p>
)

type ErrorProps = { readonly error: unknown; readonly onRetry?: () => void }

/** An error, with a button to try again. */
export const ErrorState = ({ error, onRetry }: ErrorProps) => (
  <div class="error-state" role="alert">
    <p>{errorMessage(error)}</p>
    {onRetry && (
      <Button kind="plain" onClick={onRetry}>
        Try again
      </Button>
    )}
  </div>
)

type NoteProps = { readonly kind?: 'info' | 'warning'; readonly children: ComponentChildren }

/** A note or a warning within a page. */
export const Note = ({ kind = 'info', children }: NoteProps) => (
  <div class={`note ${kind}`}>{children}</div>
)
