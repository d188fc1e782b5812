import type { Static } from '@sinclair/typebox'
import type { DoctorAnswer } from '../../../ops/schema.ts'
import type { Finding } from '../words/finding.ts'
import { api } from './client.ts'

/** Loads what the checks of the gateway found. */
export const loadFindings = async (signal: AbortSignal): Promise<readonly Finding[]> =>
  (await api.get<Static<typeof DoctorAnswer>>('/v1/doctor', { signal })).findings
