import type { ComponentChildren } from 'preact'
import type { Loaded } from '../load.ts'
import { ErrorState, Loading } from './states.tsx'

type Props<Data> = {
  /** What is read, in words. */
  readonly what: string
  readonly loaded: Loaded<Data>
  readonly children: (data: Data) => ComponentChildren
}

/** Shows what was read, and until then that it is being read, or why it could not be. */
export const WhenLoaded = <Data,>({ what, loaded, children }: Props<Data>) => {
  const { data, error, reload } = loaded
  return (
    <>
      {error !== undefined && <ErrorState error={error} onRetry={reload} />}
      {data === undefined && error === undefined && <Loading what={what} />}
      {data !== undefined && children(data)}
    </>
  )
}
