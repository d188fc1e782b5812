import { join } from 'node:path'
import { freePort } from '../support/binary.ts'
import { type Lines, atLeast, median, say } from './line.ts'
import { type Load, type Target, loadText, postLoad, typical } from './load.ts'
import { ROUNDS, SECONDS } from './rounds.ts'
import { INSTALLED, startSignedIn } from './service.ts'

const SOURCE = join(import.meta.dir, 'pocketbase')
const MANY = 64

/** Unlocks compared with records in PocketBase, which syncs its commits here too. */
export async function* peerLines(folder: string): Lines {
  const peerFile = join(folder, 'pocketbase')
  const fault = buildPeer(peerFile)
  if (fault !== undefined) {
    say(`Left out: ${fault}`)
    return
  }
  await using peer = await startPeer(peerFile, join(folder, 'peer'))
  await using service = await startSignedIn({ folder, env: INSTALLED })
  const found = { peer: [] as Load[], service: [] as Load[] }
  for (let round = 1; round <= ROUNDS; round += 1) {
    say(`beside PocketBase, round ${round} of ${ROUNDS}`)
    const load = (target: Target) => postLoad(target, { connections: MANY, seconds: SECONDS })
    found.peer.push(await load(peer.target))
    found.service.push(await load(service.unlocks))
  }
  await service.stop()
  const what = `${MANY} connections`
  yield {
    what: `PocketBase with \`synchronous=FULL\`, create a record, ${what}`,
    measured: loadText(typical(found.peer)),
  }
  yield {
    what: `\`/logUnlocking\`, ${what}, as installed`,
    measured: loadText(typical(found.service)),
  }
  const shares = found.service.map((load, round) => {
    const beside = found.peer[round]?.perSecond ?? Number.NaN
    return load.perSecond / beside
  })
  yield atLeast(10, {
    what: 'the second, relative to the first',
    value: median(shares),
    unit: ' ×',
  })
}

/** Returns why PocketBase cannot be built here, or undefined if it was built. */
const buildPeer = (outfile: string): string | undefined => {
  if (!Bun.which('go')) return 'PocketBase needs Go'
  say('building PocketBase')
  const env = { ...process.env, CGO_ENABLED: '0' }
  const built = Bun.spawnSync(['go', 'build', '-o', outfile, '.'], { cwd: SOURCE, env })
  return built.success ? undefined : `PocketBase was not built: ${built.stderr.toString()}`
}

const startPeer = async (file: string, folder: string) => {
  const address = `127.0.0.1:${await freePort()}`
  const started = Bun.spawn([file, 'serve', '--http', address, '--dir', folder], { stdout: 'pipe' })
  const reader = started.stdout.getReader()
  let said = ''
  while (!said.includes('\n')) said += new TextDecoder().decode((await reader.read()).value)
  const target: Target = {
    url: `http://${address}/api/collections/unlocks/records`,
    BODY: '{"method":"fingerprint"}',
    TOKEN: said.split('\n')[0] ?? '',
  }
  await untilListening(address)
  return {
    target,
    [Symbol.asyncDispose]: async () => {
      started.kill()
      await started.exited
    },
  }
}

const untilListening = async (address: string): Promise<void> => {
  while (!(await fetch(`http://${address}/api/health`).catch(() => null))?.ok) await Bun.sleep(20)
}
