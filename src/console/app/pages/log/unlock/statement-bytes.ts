const EXTRA = 'extra '

/** Returns the signed statement that a receipt has (C2SP tlog-proof), or undefined if it has none. */
export const statementIn = (receipt: string): Uint8Array | undefined => {
  const line = receipt.split('\n').find((each) => each.startsWith(EXTRA))
  if (line === undefined) return undefined
  // Names in it may be mangled, as `atob` knows no UTF-8; the statement is Base64 itself.
  const { statement } = JSON.parse(atob(line.slice(EXTRA.length))) as { statement?: unknown }
  return typeof statement === 'string'
    ? Uint8Array.from(atob(statement), (letter) => letter.charCodeAt(0))
    : undefined
}

/** Writes bytes in hexadecimal digits. */
export const hexText = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
