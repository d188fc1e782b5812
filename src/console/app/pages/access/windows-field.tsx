import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import type { Day, Hours, Window } from '../../api/doors.ts'
import { Button } from '../../components/form/button.tsx'
import { Field } from '../../components/form/field.tsx'
import { Group } from '../../components/form/group.tsx'
import { DAY_NAMES, NEW_HOURS, NEW_WINDOW } from './grant-draft.ts'

/** As many as a grant may have. */
const WINDOWS_MAX = 20

type RowsProps<Row extends Hours> = {
  /** What the API calls them. */
  readonly name: string
  readonly rows: readonly Row[]
  readonly onRows: (rows: readonly Row[]) => void
  readonly added: Row
  /** What the button adds. */
  readonly action: string
  readonly days?: (row: Row, change: (row: Row) => void, name: string) => ComponentChildren
}

/** Hours that can be added and removed; there is always one row. */
const Rows = <Row extends Hours>({ name, rows, onRows, added, action, days }: RowsProps<Row>) => {
  const list = useRef<HTMLUListElement>(null)
  const change = (index: number) => (row: Row) =>
    onRows(rows.map((other, at) => (at === index ? row : other)))
  return (
    <>
      <ul class="windows" ref={list} tabIndex={-1}>
        {rows.map((row, index) => (
          <li key={index}>
            {days?.(row, change(index), `${name}[${index}].days`)}
            <div class="hours">
              <Field
                label="From"
                name={`${name}[${index}].from`}
                type="time"
                required
                value={row.from}
                onValue={(from) => change(index)({ ...row, from })}
              />
              <Field
                label="Until"
                name={`${name}[${index}].until`}
                type="time"
                required
                value={row.until === '24:00' ? '00:00' : row.until}
                onValue={(until) =>
                  change(index)({ ...row, until: until === '00:00' ? '24:00' : until })
                }
              />
              {rows.length > 1 && (
                <Button
                  kind="quiet"
                  aria-label={`Remove ${row.from}–${row.until}`}
                  onClick={() => {
                    onRows(rows.filter((_, other) => other !== index))
                    list.current?.focus()
                  }}
                >
                  Remove
                </Button>
              )}
            </div>
            {row.until !== '' && row.until <= row.from && <p class="hint">Until the next day.</p>}
          </li>
        ))}
      </ul>
      {rows.length < WINDOWS_MAX && (
        <Button kind="quiet" onClick={() => onRows([...rows, added])}>
          {action}
        </Button>
      )}
    </>
  )
}

type WindowsProps = {
  readonly windows: readonly Window[]
  readonly onWindows: (windows: readonly Window[]) => void
}

/** The hours of the week at which a grant opens. */
export const WindowsField = ({ windows, onWindows }: WindowsProps) => (
  <Rows
    name="windows"
    rows={windows}
    onRows={onWindows}
    added={NEW_WINDOW}
    action="Add other hours"
    days={(window, change, name) => (
      <Days
        name={name}
        days={window.days}
        onDays={(days) => change({ ...window, days: [...days] })}
      />
    )}
  />
)

type HoursProps = {
  readonly hours: readonly Hours[]
  readonly onHours: (hours: readonly Hours[]) => void
}

/** The hours of holidays. */
export const HoursField = ({ hours, onHours }: HoursProps) => (
  <Rows name="holidays" rows={hours} onRows={onHours} added={NEW_HOURS} action="Add other hours" />
)

type DaysProps = {
  readonly name: string
  readonly days: readonly Day[]
  readonly onDays: (days: readonly Day[]) => void
}

const Days = ({ name, days, onDays }: DaysProps) => (
  <Group label="Days" name={name} isUnseen>
    <div class="days">
      {DAY_NAMES.map(([day, dayName]) => (
        <label key={day} class={days.includes(day) ? 'day chosen' : 'day'}>
          <input
            type="checkbox"
            aria-label={dayName}
            checked={days.includes(day)}
            onChange={(event) =>
              onDays(
                DAY_NAMES.map(([each]) => each).filter((each) =>
                  each === day ? event.currentTarget.checked : days.includes(each),
                ),
              )
            }
          />
          <span aria-hidden="true">{dayName.slice(0, 2)}</span>
        </label>
      ))}
    </div>
  </Group>
)
