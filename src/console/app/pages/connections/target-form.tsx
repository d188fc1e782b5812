import { useState } from 'preact/hooks'
import type { Target, When } from '../../api/targets.ts'
import { ApiError } from '../../api/client.ts'
import { isInUse, loadDoors } from '../../api/doors.ts'
import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { Field, PasswordField } from '../../components/form/field.tsx'
import { WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'
import { Form } from '../../components/form/form.tsx'
import { TextArea } from '../../components/form/text-area.tsx'
import { KINDS, type KindField } from './kinds.ts'
import { NEW_WHEN, type WhenDraft, draftOf, whenOf } from './when-draft.ts'
import { type Quiet, QuietFields } from './quiet-fields.tsx'
import { WhenFields } from './when-fields.tsx'

type Values = Readonly<Record<string, string>>

/** What a form sends. Settings and secrets are missing if they are as before. */
export type TargetDraft = {
  readonly name: string
  readonly rules: readonly When[]
  readonly settings?: Readonly<Record<string, unknown>>
  readonly secrets?: Values
  readonly password?: string
}

type Props = {
  readonly action: string
  readonly kind: string
  /** The connection to change; undefined for a new one. */
  readonly target?: Target
  readonly isPersonal: boolean
  readonly onSend: (draft: TargetDraft) => Promise<void>
  readonly messageFor?: (error: unknown) => string | undefined
}

/** Asks for the settings and rules of a connection. Changing where events are sent requires the password. */
export const TargetForm = ({ action, kind, target, isPersonal, onSend, messageFor }: Props) => {
  const { name: proposed, fields, hasQuiet } = KINDS[kind] ?? BROKER_KIND
  const [name, setName] = useState(target?.name ?? proposed)
  const [values, setValues] = useState<Values>(() => initialValues(fields, target))
  const [whens, setWhens] = useState(() => target?.rules.map(draftOf) ?? NEW_WHENS)
  const [quiet, setQuiet] = useState(() => quietOf(target))
  const [password, setPassword] = useState('')
  const doors = useLoad('doors', loadDoors)
  const holders = useHolders(!isPersonal)
  const settings = partOf('settings', fields, values)
  const secrets = partOf('secrets', fields, values)
  const isMoved =
    !target ||
    Object.keys(secrets).length > 0 ||
    JSON.stringify(quiet) !== JSON.stringify(target.settings['quiet']) ||
    fields.some(({ name: field, part }) => part === 'settings' && isChanged(target, field, values))
  const send = async (): Promise<void> => {
    await onSend({
      name: name.trim(),
      rules: whens.map(whenOf),
      ...(isMoved ? { settings: settingsOf(target, settings, quiet), password } : {}),
      ...(Object.keys(secrets).length > 0 ? { secrets } : {}),
    })
    setPassword('')
  }
  return (
    <Form
      action={action}
      onSend={withFieldErrors(WRONG, send)}
      messageFor={(error) => destinationMessage(error) ?? messageFor?.(error)}
    >
      <Field
        label="Name"
        name="name"
        value={name}
        onValue={setName}
        maxLength={60}
        autocomplete="off"
        required
      />
      {fields.map((field) => (
        <KindInput
          key={field.name}
          field={field}
          isNew={!target}
          value={values[field.name] ?? ''}
          onValue={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
        />
      ))}
      <WhenFields
        whens={whens}
        onWhens={setWhens}
        doors={(doors.data?.locks ?? []).filter(isInUse)}
        holders={holders}
        isPersonal={isPersonal}
      />
      {hasQuiet && <QuietFields quiet={quiet} onQuiet={setQuiet} />}
      {isMoved && (
        <PasswordField
          label="Your password"
          name="password"
          value={password}
          onValue={setPassword}
          hint="Needed, because it changes where events of your home go."
          autocomplete="current-password"
        />
      )}
    </Form>
  )
}

/** The server adds the broker by itself; only its name and what it hears of are changed. */
const BROKER_KIND = { name: '', fields: [], hasQuiet: false } as const

const quietOf = (target: Target | undefined): Quiet | undefined => {
  const quiet: unknown = target?.settings['quiet']
  return quiet as Quiet | undefined
}

/** Settings that this page does not show, such as a priority, stay. */
const settingsOf = (target: Target | undefined, shown: Values, quiet: Quiet | undefined) => {
  const { quiet: _, ...others } = target?.settings ?? {}
  return { ...others, ...shown, ...(quiet ? { quiet } : {}) }
}

/** Why somebody's own connection may not lead there. */
const destinationMessage = (error: unknown): string | undefined =>
  error instanceof ApiError && error.code === 'destination_unknown'
    ? 'An owner has to add a connection to this server for the home first.'
    : undefined

const WRONG = { wrong_password: { field: 'password', message: WRONG_PASSWORD } }

const NEW_WHENS: readonly WhenDraft[] = [NEW_WHEN, { ...NEW_WHEN, on: 'denied' }]

const initialValues = (fields: readonly KindField[], target: Target | undefined): Values =>
  Object.fromEntries(
    fields.map(({ name, part, initial = '' }) => [
      name,
      target ? (part === 'settings' ? settingText(target, name) : '') : initial,
    ]),
  )

const settingText = ({ settings }: Pick<Target, 'settings'>, name: string): string => {
  const value = settings[name]
  return typeof value === 'string' ? value : ''
}

const isChanged = ({ settings }: Target, name: string, values: Values): boolean =>
  settingText({ settings }, name) !== values[name]

const partOf = (part: KindField['part'], fields: readonly KindField[], values: Values): Values =>
  Object.fromEntries(
    fields.flatMap(({ name, part: own }) => {
      const value = values[name]?.trim() ?? ''
      return own === part && value !== '' ? [[name, value]] : []
    }),
  )

type InputProps = {
  readonly field: KindField
  readonly isNew: boolean
  readonly value: string
  readonly onValue: (value: string) => void
}

const KindInput = ({ field, isNew, value, onValue }: InputProps) => {
  const { name, part, label, hint, isOptional = false, rows, type } = field
  const isKept = part === 'secrets' && !isNew
  if (rows !== undefined)
    return (
      <TextArea
        label={label}
        name={name}
        value={value}
        onValue={onValue}
        hint={hint ?? ''}
        error={undefined}
        rows={rows}
      />
    )
  const shown = isKept ? 'Leave it empty to keep the one you have.' : hint
  return (
    <Field
      label={isOptional ? `${label} (optional)` : label}
      name={name}
      value={value}
      onValue={onValue}
      required={!isOptional && !isKept}
      autocomplete="off"
      autocapitalize="none"
      spellcheck={false}
      {...(type ? { type } : {})}
      {...(shown === undefined ? {} : { hint: shown })}
    />
  )
}
