import { useRef } from 'preact/hooks'
import { Button } from './button.tsx'
import { tell } from './toast.tsx'

type Props = {
  readonly text: string
  /** What is copied, as in `Copy the link`. */
  readonly what: string
}

/** Copies a text, also where the page came by plain HTTP and browsers keep their clipboard closed. */
export const CopyButton = ({ text, what }: Props) => {
  const button = useRef<HTMLSpanElement>(null)
  const copy = async (): Promise<void> => {
    const isCopied = await toClipboard(text, button.current)
    tell(isCopied ? `Copied ${what}.` : `This browser copies nothing: select ${what} by hand.`)
  }
  return (
    <span ref={button}>
      <Button onClick={() => void copy()}>Copy {what}</Button>
    </span>
  )
}

const toClipboard = async (text: string, beside: HTMLElement | null): Promise<boolean> => {
  // Without HTTPS there is none, whatever their types say.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard) {
    try {
      await clipboard.writeText(text)
      return true
    } catch {
      // Refused; there is the older way.
    }
  }
  const focused = document.activeElement
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  area.readOnly = true
  // Within a dialog nothing else can be selected.
  beside?.append(area)
  area.select()
  const isCopied = document.execCommand('copy')
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return isCopied
}
