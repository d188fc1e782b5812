import { type Socket, connect, createServer } from 'node:net'
import { freePort } from './binary.ts'

type Options = {
  /** Returns what to answer, instead of passing on the first bytes of a connection, before it is closed. */
  readonly refusal?: (first: Buffer) => Uint8Array | undefined
}

/** A TCP proxy that can be cut like a cable: what is sent is lost, and nobody is told. */
export const cable = async (toPort: () => number, { refusal = () => undefined }: Options = {}) => {
  let isCut = false
  const open = new Set<Socket>()
  const join = (from: Socket, to: Socket): void => {
    open.add(from)
    from.setNoDelay(true)
    from.on('data', (bytes) => {
      if (!isCut && !to.destroyed) to.write(bytes)
    })
    from.on('error', () => {})
    from.on('close', () => {
      open.delete(from)
      if (!isCut) to.destroySoon()
    })
  }
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port: toPort() })
    near.once('data', (bytes: Buffer) => {
      const answer = refusal(bytes)
      if (!answer) return
      far.destroy()
      near.end(answer)
    })
    join(near, far)
    join(far, near)
  })
  const port = await freePort()
  await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve))
  /** Ends all connections, as a far end that is gone does. */
  const drop = (): void => {
    for (const socket of open) socket.destroy()
  }
  return {
    port,
    drop,
    cut: (): void => {
      isCut = true
    },
    mend: (): void => {
      // What hung on the old cable stays dead.
      drop()
      isCut = false
    },
    [Symbol.dispose]: (): void => {
      drop()
      server.close()
    },
  }
}
