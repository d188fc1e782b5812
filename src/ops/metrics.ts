// Each by itself: the whole of prom-client pulls in modules that make the start 20 ms longer.
import Counter from 'prom-client/lib/counter'
import Gauge from 'prom-client/lib/gauge'
import Histogram from 'prom-client/lib/histogram'
import Registry from 'prom-client/lib/registry'

/** A number that is asked for when somebody looks; nothing where it is not known. */
export type GaugeSource = {
  /** With its unit last, and `_total` behind it where it only grows. */
  readonly name: string
  readonly help: string
  readonly read: () => Value | Promise<Value>
  /** What tells several numbers of the name apart. */
  readonly labels?: readonly string[]
}

type Value = number | undefined | readonly (readonly [Labels, number])[]

type Labels = Readonly<Record<string, string>>

type SeenRequest = {
  readonly method: string
  /** As it was declared, so that no caller makes new ones. */
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

type SeenCommit = { readonly writes: number; readonly durationMs: number }

export type Metrics = ReturnType<typeof serviceMetrics>

/** From a read in memory to a request that waited for a lock or for passwords. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const COMMIT_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
const TOGETHER = [1, 2, 5, 10, 20, 50, 100, 200, 500]

/** What the service counts while it works, for Prometheus. Counting one thing takes less than a
 * microsecond; whatever can be asked for later is a `Reading` instead, and costs nothing till then. */
export const serviceMetrics = () => {
  const registry = new Registry()
  const own = { registers: [registry] }
  const requests = new Histogram({
    ...own,
    name: 'secure_lock_http_request_duration_seconds',
    help: 'From a request’s arrival to its answer, by route as declared',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
  })
  const logins = new Counter({
    ...own,
    name: 'secure_lock_logins_total',
    help: 'Logins by outcome: success, failure (name, password or a wait), otp_required, otp_invalid',
    labelNames: ['outcome'],
  })
  const events = new Counter({
    ...own,
    name: 'secure_lock_audit_events_total',
    help: 'Records of the audit trail',
    labelNames: ['action', 'result'],
  })
  const refusals = new Counter({
    ...own,
    name: 'secure_lock_rate_limit_refusals_total',
    help: 'Requests over a limit, by its group',
    labelNames: ['group'],
  })
  const commits = new Histogram({
    ...own,
    name: 'secure_lock_commit_duration_seconds',
    help: 'Writing and syncing one COMMIT',
    buckets: COMMIT_SECONDS,
  })
  const writes = new Histogram({
    ...own,
    name: 'secure_lock_commit_writes',
    help: 'Writes that shared one COMMIT',
    buckets: TOGETHER,
  })
  const unlocks = new Histogram({
    ...own,
    name: 'secure_lock_unlock_batch_events',
    help: 'Events that the unlock log grew by in one COMMIT',
    buckets: TOGETHER,
  })

  let logSize: number | undefined

  // What has not happened yet is told as 0, so that the first time shows as a rise.
  for (const outcome of ['success', 'failure', 'otp_required', 'otp_invalid'])
    logins.inc({ outcome }, 0)
  for (const group of ['auth', 'unlock', 'changes', 'default']) refusals.inc({ group }, 0)

  return {
    seenRequest: ({ method, route, status, durationMs }: SeenRequest): void =>
      requests.observe({ method, route, status }, durationMs / 1000),

    seenCommit: (commit: SeenCommit): void => {
      commits.observe(commit.durationMs / 1000)
      writes.observe(commit.writes)
    },

    /** Told of the size of the unlock log after each COMMIT that it was part of. */
    seenLogSize: (size: number): void => {
      if (logSize !== undefined && size > logSize) unlocks.observe(size - logSize)
      logSize = size
    },

    seenRefusal: (group: string): void => refusals.inc({ group }),

    countAuditEvent: ({ action, result, detail }: CountedAuditEvent): void => {
      events.inc({ action, result })
      if (action === 'login')
        logins.inc({
          outcome: result === 'success' ? result : String(detail?.['reason'] ?? result),
        })
    },

    /** Tells these numbers too from now on. */
    add: (readings: readonly GaugeSource[]): void => {
      for (const reading of readings) registry.registerMetric(readMetric(reading))
    },

    /** All of it, in the text format of Prometheus. */
    text: (): Promise<string> => registry.metrics(),
    contentType: registry.contentType,
  }
}

type CountedAuditEvent = {
  readonly action: string
  readonly result: string
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

const readMetric = ({ name, help, read, labels = [] }: GaugeSource): Gauge | Counter => {
  const isCounter = name.endsWith('_total')
  const metric = new (isCounter ? Counter : Gauge)({
    name,
    help,
    labelNames: labels,
    registers: [],
    collect: async () => {
      // Of a database that is locked or gone, the rest is worth telling all the more.
      const value = await Promise.try(read).catch(() => undefined)
      metric.reset()
      // Else what is not known would be told as 0.
      if (labels.length === 0) metric.remove()
      for (const [of, one] of typeof value === 'number' ? [[{}, value] as const] : (value ?? []))
        metric.inc(of, one)
    },
  })
  return metric
}
