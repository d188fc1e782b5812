import type { BunFile } from 'bun'

/** Gives the handler of a file embedded in the executable, compressed for whoever takes that.
 * Browsers keep it, and ask each time whether it is still the same: after an upgrade no page meets
 * an old script. */
export const asset = (content: string | BunFile, type: string) => {
  // The name of an embedded file holds a hash of its content. Weak, as it is of both forms.
  const etag = `W/"${Bun.hash(typeof content === 'string' ? content : (content.name ?? '')).toString(36)}"`
  const headers = {
    'content-type': `${type}; charset=utf-8`,
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
    etag,
  }
  let compressed: Uint8Array<ArrayBuffer> | undefined
  return async ({ request }: { request: Request }): Promise<Response> => {
    if (request.headers.get('if-none-match') === etag)
      return new Response(null, { status: 304, headers })
    if (!request.headers.get('accept-encoding')?.includes('gzip'))
      return new Response(content, { headers })
    compressed ??= Bun.gzipSync(typeof content === 'string' ? content : await content.bytes())
    return new Response(compressed, { headers: { ...headers, 'content-encoding': 'gzip' } })
  }
}
