import { post } from '../../../src/http/outgoing/post.ts'

/** Posts to each URL given, all of whose names lead to this machine, and prints the status or the fault. */
for (const url of Bun.argv.slice(2))
  console.log(
    await post({
      url,
      headers: {},
      body: '{"type":"test","data":{}}',
      signal: AbortSignal.timeout(15_000),
      rules: { allowsLoopback: true, own: () => ({ addresses: [], port: 1 }) },
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    }).then(
      ({ status }) => status,
      (error: unknown) => (error instanceof Error ? error.message : error),
    ),
  )
