import { createHash, randomBytes } from 'node:crypto'

/** Creates the secret of a link or a cookie: 128 random bits as base64url. */
export const newSecret = (): string => randomBytes(16).toString('base64url')

/** Returns what is stored of a secret: its SHA-256. */
export const hashOfSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest()
