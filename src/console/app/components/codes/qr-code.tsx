import { encode } from 'uqr'

type Props = { readonly text: string; readonly label: string }

/** The white border that scanners need. */
const QUIET_MODULES = 4

/** A QR code, black on white in dark mode too. */
export const QrCode = ({ text, label }: Props) => {
  const { data, size } = encode(text, { border: QUIET_MODULES })
  const dark = data.flatMap((row, y) =>
    row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])),
  )
  return (
    <svg
      class="qr"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shape-rendering="crispEdges"
    >
      <rect width={size} height={size} fill="#fff" />
      <path d={dark.join('')} fill="#000" />
    </svg>
  )
}
