import type { ComponentChildren } from 'preact'
import type { Loaded } from '../../api/load.ts'
import { ErrorState, Loading } from './states.tsx'

type Props<Data> = {
  /** Names what is loaded. */
  readonly what: string
  readonly loaded: Loaded<Data>
  readonly children: (data: Data) => ComponentChildren
}

/** Shows the data once it is loaded, and until then that it loads or why it could not. */
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
