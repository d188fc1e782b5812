import { existsSync } from 'node:fs'

const IS_REQUIRED = process.env['REQUIRE_NETWORK'] === '1'

const run = async (command: readonly string[]) => {
  const ran = Bun.spawn([...command], { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, words, status] = await Promise.all([
    new Response(ran.stdout).text(),
    new Response(ran.stderr).text(),
    ran.exited,
  ])
  return { status, out, words }
}

const isThere = (): boolean => {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/curl')) return false
  const script = 'ip link add name a type veth peer name b && ip link set lo up'
  return Bun.spawnSync(['unshare', '-n', 'sh', '-c', script]).exitCode === 0
}

/** Whether a private network can be created here. */
export const CAN_NETWORK = IS_REQUIRED || isThere()

if (!CAN_NETWORK)
  process.stderr.write(
    'No network of its own can be made (needs root, iproute2, curl): the tests of networks that go away are left out (REQUIRE_NETWORK=1 makes them fail)\n',
  )

export const GATEWAY_ADDRESS = '10.9.8.1'

/** A gateway and a phone, each in its own network namespace, and a cable between them. The
 * gateway's end has no address yet. */
export const twoMachines = async () => {
  const holders = [0, 1].map(() => Bun.spawn(['unshare', '-n', 'sleep', '3600']))
  const within = holders.map(({ pid }) => ['nsenter', '-t', String(pid), '-n'])
  const [gateway = [], phone = []] = within
  const must = async (command: readonly string[]) => {
    const { status, words } = await run(command)
    if (status !== 0) throw new Error(`${command.join(' ')}: ${words}`)
  }
  // The namespaces exist a moment after the processes.
  const own = async () => (await run(['readlink', '/proc/self/ns/net'])).out
  for (const command of within)
    while ((await run([...command, 'readlink', '/proc/self/ns/net'])).out === (await own()))
      await Bun.sleep(5)
  const cable = `ip link add name eth0 type veth peer name wlan0 netns ${holders[1]?.pid}`
  await must([...gateway, ...cable.split(' ')])
  const ip = (machine: readonly string[]) => (words: string) =>
    must([...machine, 'ip', ...words.split(' ')])
  const [onGateway, onPhone] = [ip(gateway), ip(phone)]
  await onGateway('link set lo up')
  await onPhone('addr add 10.9.8.2/24 dev wlan0')
  await onPhone('link set wlan0 up')
  return {
    gateway,
    phone,
    onGateway,
    onPhone,
    /** Gives the gateway its address, as DHCP would. */
    plugIn: async (address = GATEWAY_ADDRESS) => {
      await onGateway(`addr add ${address}/24 dev eth0`)
      await onGateway('link set eth0 up')
    },
    /** Runs curl on a machine. */
    curl: async (machine: readonly string[], ...args: readonly string[]) =>
      (await run([...machine, 'curl', '-s', '--noproxy', '*', ...args])).out,
    [Symbol.asyncDispose]: async () => {
      for (const holder of holders) holder.kill('SIGKILL')
      await Promise.all(holders.map(({ exited }) => exited))
    },
  }
}
