import type { ComponentChildren } from 'preact'
import { useEffect, useErrorBoundary, useRef } from 'preact/hooks'
import { useLocation } from 'preact-iso/router'
import { Screen } from '../layout/screen.tsx'
import { Button } from '../form/button.tsx'

/** Shows a message instead of content that fails while it renders, until it is tried again or somebody
 * goes to another page. The content is gone meanwhile, so that it asks the gateway for nothing. */
export const ErrorBoundary = ({ children }: { readonly children: ComponentChildren }) => {
  const [error, reset] = useErrorBoundary((reason: unknown) => console.error(reason))
  const { path } = useLocation()
  const failedAt = useRef(path)
  const isFailed = error !== undefined
  if (!isFailed) failedAt.current = path
  useEffect(() => {
    if (isFailed && path !== failedAt.current) reset()
  }, [isFailed, path])
  if (!isFailed) return <>{children}</>
  return (
    <Screen
      key="failed"
      title="This page cannot be shown"
      lead={
        <>
          Something in it went wrong in this browser. <a href={BROWSERS}>Which browsers work</a>.
        </>
      }
    >
      <Button onClick={reset}>Try again</Button>
    </Screen>
  )
}

const BROWSERS = '/manual/install#browsers'
