import { useLocation } from 'preact-iso/router'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type FilterName, type LogFilter, logAddress, logFilter } from '../../routing/log-filter.ts'

/** How long after a key what is typed applies. */
const TYPED_MS = 350

/** The filter as its fields show it. A choice applies at once, what is typed a moment after the last key,
 * and typing in one field is one step to go back. `onRepeat` is called if `apply` changes nothing. */
export const useFilterDraft = (filter: LogFilter, onRepeat: () => void) => {
  const { route } = useLocation()
  const address = logAddress(filter)
  const [changed, setChanged] = useState(filter)
  /** The address that the draft led to. */
  const applied = useRef(address)
  /** The field whose typing made the newest step. */
  const typed = useRef<FilterName | undefined>(undefined)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)

  const forget = (): void => clearTimeout(timer.current)
  useEffect(() => forget, [])
  useEffect(() => {
    if (address === applied.current) return
    // Somebody went back, or followed a link.
    forget()
    applied.current = address
    typed.current = undefined
    setChanged(filter)
  }, [address])

  const draft = address === applied.current ? changed : filter
  const apply = (wanted: LogFilter, name?: FilterName): boolean => {
    forget()
    const next = logAddress(logFilter(wanted))
    if (next === applied.current) return false
    route(next, name !== undefined && name === typed.current)
    applied.current = next
    typed.current = name
    return true
  }
  const change = (name: FilterName, value: string): LogFilter => {
    const next = { ...draft, [name]: value }
    setChanged(next)
    return next
  }
  return {
    draft,
    choose: (name: FilterName) => (value: string) => void apply(change(name, value)),
    type: (name: FilterName) => (value: string) => {
      const next = change(name, value)
      forget()
      timer.current = setTimeout(() => apply(next, name), TYPED_MS)
    },
    apply: () => {
      if (!apply(draft)) onRepeat()
    },
  }
}
