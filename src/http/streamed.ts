/** Answers text in parts, each created only once the reader has taken the one before, so that one part
 * is in memory at a time. The parts end if the reader goes away. */
export const streamed = (
  parts: AsyncGenerator<string>,
  headers: Readonly<Record<string, string>>,
): Response => {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await parts.next()
        if (done) controller.close()
        else controller.enqueue(encoder.encode(value))
      },
      cancel: async () => {
        await parts.return(undefined)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers })
}
