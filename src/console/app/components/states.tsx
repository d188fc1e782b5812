import type { ComponentChildren } from 'preact'
import { wordsOf } from '../words.ts'
import { Button } from './button.tsx'

/** Said while something is read; shown only once it takes a while. */
export const Loading = ({ what }: { readonly what: string }) => (
  <p class="loading" role="status">
    Reading {what.toLowerCase()}…
  </p>
)

type ErrorProps = { readonly error: unknown; readonly onRetry?: () => void }

/** What went wrong, and what to do about it. */
export const ErrorState = ({ error, onRetry }: ErrorProps) => (
  <div class="error-state" role="alert">
    <p>{wordsOf(error)}</p>
    {onRetry && (
      <Button kind="plain" onClick={onRetry}>
        Try again
      </Button>
    )}
  </div>
)

type NoteProps = { readonly kind?: 'info' | 'warning'; readonly children: ComponentChildren }

/** Something to mind, within a page. */
export const Note = ({ kind = 'info', children }: NoteProps) => (
  <div class={`note ${kind}`}>{children}</div>
)
