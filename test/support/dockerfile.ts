import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dir, '../..')

type Instruction = { readonly word: string; readonly rest: string }
type Stage = {
  readonly from: string
  readonly name: string
  readonly instructions: readonly Instruction[]
}

/** What the last stage of the Dockerfile says about running the image. */
export type ImageConfig = {
  readonly user: string
  readonly env: Readonly<Record<string, string>>
  readonly entrypoint: readonly string[]
  readonly healthcheck: readonly string[]
  readonly stopSignal: string
  readonly volumes: readonly string[]
}

const instructionsOf = (text: string): readonly Instruction[] =>
  text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, word = '', rest = ''] = /^(\w+) +(.*)$/.exec(line) ?? []
      return { word, rest }
    })

const stages = (): readonly Stage[] => {
  const found: { from: string; name: string; instructions: Instruction[] }[] = []
  for (const one of instructionsOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))) {
    const stage = /^(?:--platform=\S+ )?(\S+)(?: AS (\S+))?$/.exec(one.rest)
    if (one.word === 'FROM')
      found.push({ from: stage?.[1] ?? '', name: stage?.[2] ?? '', instructions: [] })
    else found.at(-1)?.instructions.push(one)
  }
  return found
}

export const imageConfig = (): ImageConfig => {
  const last = stages().at(-1)
  const values = (word: string): readonly string[] =>
    (last?.instructions ?? []).filter((one) => one.word === word).map(({ rest }) => rest)
  const value = (word: string): string => values(word)[0] ?? ''
  const list = (text: string) => JSON.parse(text.slice(text.indexOf('['))) as string[]
  return {
    user: value('USER'),
    env: Object.fromEntries(values('ENV').map((one) => one.split('='))),
    entrypoint: list(value('ENTRYPOINT')),
    healthcheck: list(value('HEALTHCHECK')),
    stopSignal: value('STOPSIGNAL'),
    volumes: list(value('VOLUME')),
  }
}

/** A shell script that follows the Dockerfile from step to step and leaves the image's files in
 * `image`. It needs root, and creates an overlay of this machine for each build stage, so that
 * nothing is written here. This machine, a Debian 12 with this Bun, replaces the base images. */
export const assemblyScript = (image: string): string => {
  const known = stages()
  const final = known.at(-1)
  if (final?.from !== 'scratch') throw new Error('The image is expected to be made from scratch')
  const lines = [
    'set -e',
    'mount -t tmpfs tmpfs /mnt',
    'mkdir /mnt/bin',
    `ln -s ${quoted(process.execPath)} /mnt/bin/bun`,
  ]
  for (const stage of known.slice(0, -1)) lines.push(...staged(stage))
  for (const { word, rest } of final.instructions)
    if (word === 'COPY') lines.push(copied(rest, image))
  return lines.join('\n')
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** A stage without instructions is this machine itself. */
const rootOf = (name: string): string => {
  const stage = stages().find((one) => one.name === name)
  return stage && stage.instructions.length > 0 ? `/mnt/${name}/root` : ''
}

const staged = ({ name, instructions }: Stage): readonly string[] => {
  if (instructions.length === 0) return []
  const root = `/mnt/${name}/root`
  let folder = '/'
  return [
    `mkdir -p /mnt/${name}/upper /mnt/${name}/work ${root}`,
    `mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/${name}/upper,workdir=/mnt/${name}/work ${root}`,
    `mount --rbind /dev ${root}/dev; mount -t proc proc ${root}/proc; mount --bind /mnt/bin ${root}/mnt`,
    ...instructions.flatMap(({ word, rest }) => {
      switch (word) {
        case 'WORKDIR':
          folder = rest
          return [`mkdir -p ${root}${folder}`]
        case 'COPY':
          return [copied(rest, root, folder)]
        case 'RUN':
          return [
            `chroot ${root} env TARGETARCH=amd64 PATH=/mnt:"$PATH" sh -ec ${quoted(`cd ${folder}; ${rest}`)}`,
          ]
        case 'ARG':
          return []
        default:
          throw new Error(`No step is known for ${word}`)
      }
    }),
  ]
}

/** COPY: a folder's contents into the target, files into it or, if there is only one, as it. */
const copied = (rest: string, root: string, folder = '/'): string => {
  const words = rest.split(/\s+/)
  const flag = (name: string) =>
    words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3)
  const paths = words.filter((word) => !word.startsWith('--'))
  const target = paths.pop() ?? ''
  const to = `${root}${resolve(folder, target)}`
  const from = flag('from') === undefined ? ROOT : rootOf(flag('from') ?? '')
  return [
    ...paths.map((path) => {
      if (flag('from') === undefined) admitted(path)
      const source = path.startsWith('/') ? `${from}${path}` : `${from}/${path}`
      const place = target.endsWith('/') ? to : dirname(to)
      const file = target.endsWith('/') ? `${to}/` : to
      return `for source in ${source}; do
        if [ -d "$source" ]; then mkdir -p ${to}; cp -a "$source/." ${to}
        else mkdir -p ${place}; cp -a "$source" ${file}; fi
      done`
    }),
    ...(flag('chown') ? [`chown ${flag('chown')} ${to}`] : []),
    ...(flag('chmod') ? [`chmod ${flag('chmod')} ${to}`] : []),
  ].join('\n')
}

/** What .dockerignore excludes cannot be copied. */
const admitted = (path: string): void => {
  const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n')
  if (!lines.includes(`!${path}`)) throw new Error(`.dockerignore keeps ${path} out`)
}
