/** The smallest JSON server on this runtime: the yardstick of the bench. */
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  fetch: async (request) => {
    const body = (await request.json()) as Record<string, unknown>
    return Response.json({ msg: `${Object.keys(body).length} field taken` })
  },
})

process.stdout.write(`${server.url.href}\n`)
