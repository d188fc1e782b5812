// One by one: importing all of prom-client adds 20 ms to the start.
import Counter from 'prom-client/lib/counter'
import Gauge from 'prom-client/lib/gauge'
import Histogram from 'prom-client/lib/histogram'
import Registry from 'prom-client/lib/registry'
import { DECISION_REASONS, type DecisionReason } from '../../domain/access.ts'

/** A metric that is read at each scrape; undefined if its value is not known. */
export type GaugeSource = {
  /** With its unit last, followed by `_total` if it only grows. */
  readonly name: string
  readonly help: string
  readonly read: () => Value | Promise<Value>
  /** What distinguishes several values of the metric. */
  readonly labels?: readonly string[]
}

type Value = number | undefined | readonly (readonly [Labels, number])[]

type Labels = Readonly<Record<string, string>>

type AnsweredRequest = {
  readonly method: string
  /** As it was declared, so that no caller can add new ones. */
  readonly route: string
  readonly status: number
  readonly durationMs: number
}

type Commit = { readonly writes: number; readonly durationMs: number }

export type Metrics = ReturnType<typeof serviceMetrics>

/** From a read in memory to a request that waited for a lock or for other passwords. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const COMMIT_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
const BATCH_SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500]

/** What the server counts while it runs, for Prometheus. Counting takes less than a microsecond. What
 * can be read later is a `GaugeSource` instead, and costs nothing until then. If the replica has a name, every
 * metric has it as the label `instance`. */
export const serviceMetrics = (instance?: string) => {
  const registry = new Registry()
  if (instance !== undefined) registry.setDefaultLabels({ instance })
  const own = { registers: [registry] }
  const requests = new Histogram({
    ...own,
    name: 'secure_lock_http_request_duration_seconds',
    help: 'Time from request to answer; the route `unmatched` is everything that no route answers',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
  })
  const logins = new Counter({
    ...own,
    name: 'secure_lock_logins_total',
    help: 'Logins: `success`, `failure` (name, password or a lockout), `otp_required`, `otp_invalid`, `access_ended`',
    labelNames: ['outcome'],
  })
  const events = new Counter({
    ...own,
    name: 'secure_lock_audit_events_total',
    help: 'Audit events',
    labelNames: ['action', 'result'],
  })
  const refusals = new Counter({
    ...own,
    name: 'secure_lock_rate_limit_refusals_total',
    help: 'Requests over `RATE_LIMIT_AUTH` (`auth`, and `basic` at the tables), `RATE_LIMIT_UNLOCK` or a quota of unlocks, `RATE_LIMIT_CHANGES`, `RATE_LIMIT_NEWCOMERS`, `RATE_LIMIT_DEFAULT`',
    labelNames: ['group'],
  })
  const diskRefusals = new Counter({
    ...own,
    name: 'secure_lock_disk_refusals_total',
    help: 'Writes refused to keep space free: below `DISK_RESERVE` (`reserve`) or the last 16 MiB (`last`)',
    labelNames: ['reserve'],
  })
  const commits = new Histogram({
    ...own,
    name: 'secure_lock_commit_duration_seconds',
    help: 'Time to write and sync one COMMIT',
    buckets: COMMIT_SECONDS,
  })
  const writes = new Histogram({
    ...own,
    name: 'secure_lock_commit_writes',
    help: 'Writes that shared one COMMIT',
    buckets: BATCH_SIZES,
  })
  const unlocks = new Histogram({
    ...own,
    name: 'secure_lock_unlock_batch_events',
    help: 'Unlocks added to the log in one COMMIT',
    buckets: BATCH_SIZES,
  })
  const decisions = new Counter({
    ...own,
    name: 'secure_lock_decisions_total',
    help: 'Attempts to open a lock: `permitted`, or `denied` and the reason',
    labelNames: ['decision', 'reason'],
  })

  let logSize: number | undefined

  // Zero before the first time, so that the first time shows as an increase.
  for (const outcome of ['success', 'failure', 'otp_required', 'otp_invalid', 'access_ended'])
    logins.inc({ outcome }, 0)
  for (const reserve of ['reserve', 'last']) diskRefusals.inc({ reserve }, 0)
  for (const group of ['auth', 'basic', 'codes', 'unlock', 'changes', 'newcomers', 'default'])
    refusals.inc({ group }, 0)
  decisions.inc({ decision: 'permitted', reason: '' }, 0)
  for (const reason of DECISION_REASONS) decisions.inc({ decision: 'denied', reason }, 0)

  return {
    observeRequest: ({ method, route, status, durationMs }: AnsweredRequest): void =>
      requests.observe({ method, route, status }, durationMs / 1000),

    observeCommit: (commit: Commit): void => {
      commits.observe(commit.durationMs / 1000)
      writes.observe(commit.writes)
    },

    /** Called with the size of the unlock log after each COMMIT that includes it. */
    observeLogSize: (size: number, isOwn: boolean): void => {
      if (isOwn && logSize !== undefined && size > logSize) unlocks.observe(size - logSize)
      logSize = size
    },

    countDiskRefusal: (reserve: string): void => diskRefusals.inc({ reserve }),

    countRefusal: (group: string): void => refusals.inc({ group }),

    countDecision: ({ decision, reason }: CountedDecision): void =>
      decisions.inc({ decision, reason: reason ?? '' }),

    countAuditEvent: ({ action, result, detail }: CountedAuditEvent): void => {
      events.inc({ action, result })
      if (action === 'login.code_required') logins.inc({ outcome: 'otp_required' })
      if (action === 'login')
        logins.inc({
          outcome: result === 'success' ? result : String(detail?.['reason'] ?? result),
        })
    },

    /** Exports these metrics too from now on. */
    add: (sources: readonly GaugeSource[]): void => {
      for (const source of sources) registry.registerMetric(readMetric(source))
    },

    /** Describes all metrics, for the manual. */
    descriptions: (): readonly MetricDescription[] =>
      // Its types leave out the labels.
      registry.getMetricsAsArray() as unknown as readonly MetricDescription[],

    /** Returns all metrics in the text format of Prometheus. */
    text: (): Promise<string> => registry.metrics(),
    contentType: registry.contentType,
  }
}

type MetricDescription = {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames: readonly string[]
}

type CountedDecision = {
  readonly decision: 'permitted' | 'denied'
  readonly reason: DecisionReason | null
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
      // If the database is locked or gone, the other metrics matter all the more.
      const value = await Promise.try(read).catch(() => undefined)
      metric.reset()
      // Otherwise an unknown value would be exported as 0.
      if (labels.length === 0) metric.remove()
      const values = typeof value === 'number' ? [[{}, value] as const] : (value ?? [])
      for (const [named, amount] of values) metric.inc(named, amount)
    },
  })
  return metric
}
