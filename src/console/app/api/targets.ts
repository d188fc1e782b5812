import type { Static } from '@sinclair/typebox'
import type {
  DeliveriesAnswer,
  TargetAnswer,
  TargetsAnswer,
} from '../../../outbox/targets/schema.ts'
import { api } from './client.ts'

/** Somebody or something that hears of the home; to a person it is a connection. */
export type Target = Static<typeof TargetAnswer>
export type Targets = Static<typeof TargetsAnswer>

/** What a target hears of. The console calls it a "when": a rule is about who may open a door. */
export type When = Target['rules'][number]

/** Something that a target was told, or that waits for it. */
export type Delivery = Static<typeof DeliveriesAnswer>['deliveries'][number]

/** The kind of the target that stands for the MQTT broker. */
export const BROKER = 'mqtt'

export const loadTargets = (signal: AbortSignal): Promise<Targets> =>
  api.get('/v1/targets', { signal })

export const targetPath = (id: string): string => `/v1/targets/${encodeURIComponent(id)}`

/** Changes a target, if nobody else has changed it since it was loaded. */
export const changeTarget = (
  { id, version }: Pick<Target, 'id' | 'version'>,
  body: Readonly<Record<string, unknown>>,
): Promise<Target> => api.patch(targetPath(id), body, { 'if-match': `"${version}"` })
