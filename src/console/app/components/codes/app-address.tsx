import { CopyButton } from './copy-button.tsx'
import { QrCode } from './qr-code.tsx'

type Props = { readonly address: string }

/** The address that the phone app asks for: as text, to copy and as a QR code. */
export const AppAddress = ({ address }: Props) => (
  <figure class="address">
    <QrCode text={address} label={`QR code of ${address}`} />
    <figcaption>
      <code class="big">{address}</code>
    </figcaption>
    <CopyButton text={address} what="address" />
  </figure>
)
