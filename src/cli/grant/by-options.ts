import { AppError } from '../../errors.ts'
import { UsageError } from '../command/command.ts'

/** Names the options, and not the fields of a request, in a refusal. */
export const byOptions = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    const fields = error instanceof AppError ? error.details.fields : undefined
    if (!fields) throw error
    const faults = Object.entries(fields).map(
      ([field, accepted]) => `${optionOf(field)}: ${accepted}`,
    )
    throw new UsageError(faults.join('; '))
  }
}

/** `windows[0].from` stands in `--from`, and `holidays[0].until` in `--holidays`. */
const optionOf = (field: string): string => {
  const [name = ''] = field.replace('windows[0].', '').split('[')
  return OPTION_OF[name] ?? field
}

const OPTION_OF: Readonly<Record<string, string>> = {
  locks: '--lock',
  days: '--days',
  from: '--from',
  until: '--until',
  holidays: '--holidays',
  starts_at: '--starts',
  ends_at: '--ends',
  uses: '--uses',
  key: '--key',
  holder: '--label or --devices',
}
