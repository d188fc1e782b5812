/** Gives the handler of a file embedded in the executable, read and compressed when somebody first
 * asks for it, and kept compressed alone. Browsers keep it, and ask each time whether it is still the
 * same: after an upgrade no page meets an old script. */
export const asset = (read: () => string | Promise<string>, type: string) => {
  const prepare = async () => {
    const content = await read()
    // Weak, as it is of both forms.
    return { etag: `W/"${Bun.hash(content).toString(36)}"`, compressed: Bun.gzipSync(content) }
  }
  let prepared: ReturnType<typeof prepare> | undefined
  return async ({ request }: { request: Request }): Promise<Response> => {
    prepared ??= prepare()
    const { etag, compressed } = await prepared
    const headers = {
      'content-type': `${type}; charset=utf-8`,
      'cache-control': 'no-cache',
      vary: 'accept-encoding',
      etag,
    }
    if (request.headers.get('if-none-match') === etag)
      return new Response(null, { status: 304, headers })
    return request.headers.get('accept-encoding')?.includes('gzip')
      ? new Response(compressed, { headers: { ...headers, 'content-encoding': 'gzip' } })
      : new Response(Bun.gunzipSync(compressed), { headers })
  }
}
