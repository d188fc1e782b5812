import type { Static } from '@sinclair/typebox'
import type {
  DeliveriesAnswer,
  TargetAnswer,
  TargetsAnswer,
} from '../../../outbox/targets/schema.ts'
import { api } from './client.ts'

/** A target; the console calls it a connection. */
export type Target = Static<typeof TargetAnswer>
export type Targets = Static<typeof TargetsAnswer>

/** A rule of a target. The console calls it a "when", since its rules are about who may open a door. */
export type When = Target['rules'][number]

/** A message to a target, sent or waiting. */
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
