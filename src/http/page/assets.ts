export type Asset = (incoming: { readonly request: Request }) => Promise<Response>

/** Returns the handler of a file embedded in the executable. The file is read and compressed at the
 * first request, and both forms are kept. Every answer refers to them: Bun copies what a client has not
 * read of bytes or text, but not of a Blob. Browsers keep the file too, but check each time whether it
 * has changed, so that no page meets an old script after an upgrade. */
export const asset = (
  read: () => string | Promise<string>,
  type: string,
  further: Readonly<Record<string, string>> = {},
): Asset => {
  const prepare = async () => {
    const content = await read()
    return {
      // Weak, because both forms share it.
      etag: `W/"${Bun.hash(content).toString(36)}"`,
      plain: new Blob([content]),
      compressed: new Blob([Bun.gzipSync(content)]),
    }
  }
  let prepared: ReturnType<typeof prepare> | undefined
  return async ({ request }) => {
    prepared ??= prepare()
    const { etag, plain, compressed } = await prepared
    const headers = {
      ...further,
      'content-type': `${type}; charset=utf-8`,
      'cache-control': 'no-cache',
      vary: 'accept-encoding',
      etag,
    }
    if (request.headers.get('if-none-match') === etag)
      return new Response(null, { status: 304, headers })
    return request.headers.get('accept-encoding')?.includes('gzip')
      ? new Response(compressed, { headers: { ...headers, 'content-encoding': 'gzip' } })
      : new Response(plain, { headers })
  }
}
