import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../support/binary.ts'
import { until } from '../support/until.ts'
import type { Image } from './image.ts'

type Output = { readonly status: number; readonly out: string }

export type Machine = {
  /** The server's port, as phones on the network reach it. */
  readonly port: number
  /** Powers it on. Without `network` the cable is out. */
  readonly start: (options?: { readonly network?: boolean }) => Promise<void>
  /** Ends it as a power cut does: nothing is flushed, nothing is told. */
  readonly cutPower: () => Promise<void>
  readonly plugIn: () => Promise<void>
  /** Runs a script as root, in /root. */
  readonly run: (script: string) => Promise<Output>
  /** Runs a script that reboots it, and waits until it is up again. */
  readonly reboot: (script: string) => Promise<void>
  [Symbol.asyncDispose]: () => Promise<void>
}

/** Longer than anything takes, even where every instruction is emulated. */
const WAIT_MS_MAX = 600_000
const MEMORY_MIB = 1024

type Options = {
  readonly image: Omit<Image, 'disk'>
  /** Paths of disk images: the first is the root, and may be written to. */
  readonly disks: readonly string[]
  /** Where its sockets and its console go. */
  readonly folder: string
}

/** A virtual machine, powered off. Its network has nobody else on it, and no way out. */
export const virtualMachine = async ({ image, disks, folder }: Options): Promise<Machine> => {
  const port = await freePort()
  const sockets = { agent: join(folder, 'agent'), monitor: join(folder, 'monitor') }
  const words = [
    // It ends with this process, however that ends.
    'setpriv',
    '--pdeathsig',
    'KILL',
    'qemu-system-x86_64',
    ...ACCELERATOR,
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-S',
    '-m',
    String(MEMORY_MIB),
    '-smp',
    '2',
    '-kernel',
    image.kernel,
    '-initrd',
    image.initrd,
    '-append',
    'root=/dev/vda rw net.ifnames=0 console=ttyS0 quiet',
    '-serial',
    `file:${join(folder, 'console.log')}`,
    ...disks.flatMap((path) => ['-drive', `file=${path},format=raw,if=virtio,cache=writeback`]),
    '-netdev',
    `user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:${port}-:8080`,
    '-device',
    'virtio-net-pci,netdev=lan,id=cable',
    '-device',
    'virtio-rng-pci',
    '-device',
    'virtio-serial',
    '-chardev',
    `socket,id=agent,path=${sockets.agent},server=on,wait=off`,
    '-device',
    'virtserialport,chardev=agent,name=agent',
    '-monitor',
    `unix:${sockets.monitor},server=on,wait=off`,
  ]
  let running: Running | undefined
  const on = (): Running => {
    if (!running) throw new Error('the machine is off')
    return running
  }
  const cutPower = async () => {
    const { qemu } = on()
    qemu.kill('SIGKILL')
    await qemu.exited
    running = undefined
  }
  return {
    port,
    start: async ({ network = true } = {}) => {
      const qemu = Bun.spawn(words, { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' })
      running = { qemu, agent: undefined, monitor: undefined }
      try {
        running.monitor = await connected(sockets.monitor)
        running.monitor.resume()
        running.agent = agentOn(await connected(sockets.agent))
        if (!network) running.monitor.write('set_link cable off\n')
        running.monitor.write('cont\n')
        await running.agent.booted('')
      } catch (error) {
        await cutPower()
        throw error
      }
    },
    cutPower,
    plugIn: async () => void on().monitor?.write('set_link cable on\n'),
    run: (script) => agentOf(on()).run(script),
    reboot: async (script) => {
      const agent = agentOf(on())
      const before = agent.bootId()
      // The answer may be lost, because the agent ends, too.
      agent.run(script).catch(() => undefined)
      await agent.booted(before)
    },
    [Symbol.asyncDispose]: async () => {
      if (running) await cutPower()
    },
  }
}

type Running = {
  readonly qemu: Bun.Subprocess
  agent: Agent | undefined
  monitor: Socket | undefined
}

const agentOf = ({ agent }: Running): Agent => {
  if (!agent) throw new Error('the machine is starting')
  return agent
}

/** Emulates every instruction unless `ACCEL=kvm`, which is faster where KVM works. */
const ACCELERATOR =
  process.env['ACCEL'] === 'kvm'
    ? ['-accel', 'kvm', '-cpu', 'host']
    : ['-accel', 'tcg', '-cpu', 'max']

type Agent = ReturnType<typeof agentOn>

/** Speaks with the agent of the image. */
const agentOn = (socket: Socket) => {
  const waiting = new Map<string, PromiseWithResolvers<Output>>()
  let [bootId, next] = ['', 0]
  const fail = () => {
    for (const { reject } of waiting.values()) reject(new Error('the machine went down meanwhile'))
    waiting.clear()
  }
  createInterface(socket).on('line', (line) => {
    const [id = '', status = '', output = ''] = line.split(' ')
    if (id === 'booted') {
      fail()
      bootId = status
    } else {
      waiting.get(id)?.resolve({ status: Number(status), out: decoded(output) })
      waiting.delete(id)
    }
  })
  socket.on('error', fail)
  socket.on('close', fail)
  return {
    bootId: () => bootId,
    booted: (before: string) => until(() => bootId !== before, WAIT_MS_MAX),
    run: (script: string): Promise<Output> => {
      const id = String((next += 1))
      const answer = Promise.withResolvers<Output>()
      waiting.set(id, answer)
      const timer = setTimeout(
        () => answer.reject(new Error(`no answer to ${script}`)),
        WAIT_MS_MAX,
      )
      socket.write(`${id} ${Buffer.from(script).toString('base64')}\n`)
      return answer.promise.finally(() => clearTimeout(timer))
    },
  }
}

const decoded = (text: string): string => Buffer.from(text, 'base64').toString()

const connected = async (path: string): Promise<Socket> => {
  let socket: Socket | undefined
  await until(async () => {
    socket = await new Promise<Socket | undefined>((done) => {
      const tried = createConnection(path, () => done(tried))
      tried.once('error', () => done(undefined))
    })
    return socket !== undefined
  })
  if (!socket) throw new Error(`nothing listens on ${path}`)
  return socket
}
