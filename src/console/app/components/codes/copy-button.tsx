import { useRef } from 'preact/hooks'
import { Button } from '../form/button.tsx'
import { showToast } from '../feedback/toast.tsx'

type Props = {
  readonly text: string
  /** Completes the button's text: `Copy link`. */
  readonly what: string
}

/** Copies a text, also over plain HTTP, where browsers offer no clipboard. */
export const CopyButton = ({ text, what }: Props) => {
  const button = useRef<HTMLSpanElement>(null)
  const copy = async (): Promise<void> => {
    const isCopied = await toClipboard(text, button.current)
    showToast(
      isCopied ? 'Copied.' : 'This browser cannot copy. Please select the text and copy it.',
    )
  }
  return (
    <span ref={button}>
      <Button onClick={() => void copy()}>Copy {what}</Button>
    </span>
  )
}

const toClipboard = async (text: string, beside: HTMLElement | null): Promise<boolean> => {
  // Undefined without HTTPS, although the types deny it.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard) {
    try {
      await clipboard.writeText(text)
      return true
    } catch {
      // Refused: try the older way.
    }
  }
  const focused = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  area.readOnly = true
  // In a dialog nothing outside it can be selected.
  beside?.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return isCopied
}
