import { Elysia } from 'elysia'

/** The smallest app on this framework: the yardstick for starts and memory. */
const app = new Elysia()
  .get('/livez', () => ({ status: 'ok' }))
  .listen({ hostname: '127.0.0.1', port: Number(process.argv[2]) })

process.stdout.write(`${app.server?.url.href}\n`)
