import { type Socket, connect } from 'node:net'
import { join } from 'node:path'

type Hoard = {
  readonly connections: number
  readonly addresses: number
  /** One of those in hoarders.ts, or a path whose answer is left unread. */
  readonly way: string
  /** Of the account that the hoarders use. */
  readonly token?: string
}

/** Runs hoarders until disposed; `opened` resolves once each of their connections was begun. */
export const holding = (url: string, { connections, addresses, way, token }: Hoard) => {
  const script = join(import.meta.dir, 'hoarders.ts')
  const numbers = [connections, addresses].map(String)
  const hoarders = Bun.spawn([process.execPath, script, url, ...numbers, way], {
    env: { ...process.env, ...(token === undefined ? {} : { TOKEN: token }) },
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const release = async (): Promise<void> => {
    hoarders.kill('SIGKILL')
    await hoarders.exited
  }
  return {
    opened: hoarders.stdout.getReader().read(),
    /** Ends all of them. */
    release,
    [Symbol.asyncDispose]: release,
  }
}

/** Opens that many keep-alive connections from an address, one after another, so that their requests are not
 * in flight at once. */
export const openFrom = async (url: string, localAddress: string, connections: number) => {
  const open = new Set<Socket>()
  const begin = () =>
    new Promise<void>((answered, fail) => {
      const options = { port: Number(new URL(url).port), host: '127.0.0.1', localAddress }
      const socket = connect(options, () => {
        open.add(socket)
        socket.write('GET /livez HTTP/1.1\r\nHost: lock.home\r\n\r\n')
      })
      socket.once('data', () => answered())
      socket.once('error', fail)
      socket.once('close', () => {
        open.delete(socket)
        // The service may end it before its request has arrived.
        answered()
      })
    })
  for (let opened = 0; opened < connections; opened += 1) await begin()
  return {
    /** Those that are still open. */
    count: (): number => open.size,
    [Symbol.dispose]: () => {
      for (const socket of open) socket.destroy()
    },
  }
}
