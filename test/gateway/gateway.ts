import { deepStrictEqual, equal, match, ok } from 'node:assert/strict'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { type Step, answersOf, scriptOf, typedByAPerson } from '../support/manual.ts'
import { until } from '../support/until.ts'
import { type Outcomes, load, noOutcomes } from '../faults/load.ts'
import type { Machine } from './machine.ts'

/** What the manual begins each command of the executable with. */
export const SERVER = 'runuser -u secure-lock -- secure-lock-server --env-file /etc/secure-lock.env'

const OWNER_PASSWORD = 'four brown doors and a chair'

/** Longer than anything takes, even where every instruction is emulated. */
const WAIT_MS_MAX = 300_000
const ANSWER_MS_MAX = 5000

const UNLIMITED = ['AUTH', 'UNLOCK', 'CHANGES', 'NEWCOMERS', 'DEFAULT']
  .map((name) => `RATE_LIMIT_${name}=off`)
  .join('\\n')

export type Gateway = ReturnType<typeof gatewayOn>

/** The server on a virtual machine, as the person at its terminal and the phones see it. */
export const gatewayOn = (machine: Machine) => {
  const url = `http://127.0.0.1:${machine.port}`
  const client = clientOf(url)
  const outcomes = noOutcomes()

  /** Runs a script that must succeed; returns what it wrote. */
  const run = async (script: string): Promise<string> => {
    const { status, out } = await machine.run(script)
    equal(status, 0, `${script}\n${out}`)
    return out.trim()
  }

  const show = (property: string): Promise<string> =>
    run(`systemctl show secure-lock -p ${property} --value`)

  const answers = async (path = '/livez'): Promise<boolean> =>
    fetch(url + path, { signal: AbortSignal.timeout(ANSWER_MS_MAX) }).then(
      (answer) => answer.ok,
      () => false,
    )

  const logIn = async (username: string, password: string): Promise<string> => {
    const answer = await client.post('/login', { username, password })
    const body = await answer.text()
    equal(answer.status, 200, body)
    return (JSON.parse(body) as { access_token: string }).access_token
  }

  const unlock = async (token: string, method: string): Promise<number> => {
    const answer = await client.post('/logUnlocking', { 'unlocking-method': method }, bearer(token))
    await answer.text()
    return answer.status
  }

  return {
    machine,
    client,
    outcomes,
    run,
    show,
    answers,
    unlock,
    asOwner: () => logIn('owner', OWNER_PASSWORD),
    asPhone: () => logIn('ada', PASSWORD),

    /** Waits for an answer; returns the seconds it took. */
    firstAnswer: async (): Promise<string> => {
      const begun = performance.now()
      await until(() => answers(), WAIT_MS_MAX)
      return seconds(performance.now() - begun)
    },

    /** Seconds from the start of the kernel until systemd was told that the service is ready. */
    readyAfterBoot: async (): Promise<string> =>
      seconds(Number(await show('ActiveEnterTimestampMonotonic')) / 1000),

    /** Types commands as the manual prints them, in the folder of a new executable; returns what each
     * wrote. */
    paste: async (steps: readonly Step[], download: string): Promise<readonly string[]> => {
      const commands = steps.map(typedByAPerson)
      const script = scriptOf(commands, `${OWNER_PASSWORD}\n`)
      const { status, out } = await machine.run(
        `rm -rf download && cp -r /media/${download} download && cd download || exit 1\n${script}`,
      )
      const written = answersOf(out)
      equal(status, 0, `${commands[written.length - 1]}\n${written.at(-1)}`)
      return written
    },

    /** Registers a person whom the owner lets in. */
    addPhone: async (): Promise<void> => {
      const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
      const answer = await client.post('/register', person)
      equal(answer.status, 200, await answer.text())
    },

    withoutLimits: async (): Promise<void> => {
      await run(
        `printf '${UNLIMITED}\\n' >> /etc/secure-lock.env && sync && systemctl restart secure-lock`,
      )
      await until(() => answers(), WAIT_MS_MAX)
    },

    /** Phones that report unlocks until `stop` is called, or until their connections break. */
    phones: async (token: string) => {
      const before = outcomes.acknowledged.size
      let isOver = false
      const loaded = load({ url, token, outcomes, isOver: () => isOver })
      await until(() => outcomes.acknowledged.size >= before + UNLOCKS_MIN, WAIT_MS_MAX)
      return {
        stop: async (): Promise<number> => {
          isOver = true
          await loaded
          return outcomes.acknowledged.size - before
        },
      }
    },

    /** Compares the log with what phones were answered, recomputes it, and asks `doctor`. Beside unlocks, the log has
     * so many records of changes. */
    expectTruth: async (token: string, records = 0): Promise<string> => {
      const answer = await client.get('/v1/unlocks/export?format=ndjson', bearer(token))
      const text = await answer.text()
      equal(answer.status, 200, text)
      const methods = text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { method: string }).method)
      expectAnswered(methods, outcomes)
      match(
        await run(`${SERVER} log verify`),
        new RegExp(`^The log is intact: ${methods.length + records} events`),
      )
      await run(`${SERVER} doctor`)
      return `${outcomes.acknowledged.size} acknowledged, all among ${methods.length} events; intact`
    },
  }
}

const UNLOCKS_MIN = 50

const expectAnswered = (methods: readonly string[], outcomes: Outcomes): void => {
  const found = new Set(methods.filter((method) => method.startsWith('method ')))
  const sent = methods.filter((method) => method.startsWith('method ')).length
  equal(sent, found.size, 'an unlock is there twice')
  deepStrictEqual(
    [...outcomes.acknowledged.keys()].filter((method) => !found.has(method)),
    [],
  )
  deepStrictEqual(
    [...outcomes.refused].filter((method) => found.has(method)),
    [],
  )
  const known = (method: string) =>
    outcomes.acknowledged.has(method) || outcomes.unanswered.has(method)
  deepStrictEqual(
    [...found].filter((method) => !known(method)),
    [],
  )
  ok(outcomes.acknowledged.size > 0)
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
