import { Checkbox } from '../../components/form/checkbox.tsx'
import { Group } from '../../components/form/group.tsx'
import { HoursFields } from './hours-fields.tsx'

/** Hours in which nothing is sent. */
export type Quiet = { readonly from: string; readonly to: string }

const NIGHT: Quiet = { from: '22:00', to: '07:00' }

type Props = {
  readonly quiet: Quiet | undefined
  readonly onQuiet: (quiet: Quiet | undefined) => void
}

/** Whether, and when, no messages are wanted. */
export const QuietFields = ({ quiet, onQuiet }: Props) => (
  <Group
    label="Quiet hours"
    name="quiet"
    hint={quiet && 'Whatever happens then is sent afterwards, in one message.'}
  >
    <Checkbox
      isChecked={quiet !== undefined}
      onChecked={(isQuiet) => onQuiet(isQuiet ? NIGHT : undefined)}
    >
      Send nothing at certain hours
    </Checkbox>
    {quiet && <HoursFields {...quiet} onChange={(part) => onQuiet({ ...quiet, ...part })} />}
  </Group>
)
