import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { type Holders, ROLE_HOLDERS } from '../../api/holders.ts'
import { Button } from '../../components/form/button.tsx'
import { Field } from '../../components/form/field.tsx'
import { Select, withSelected } from '../../components/form/select.tsx'
import { Section } from '../../components/layout/section.tsx'
import { whyAddress } from '../../routing/doors.ts'
import { homeZone } from '../../time/time.tsx'
import { clockIn, dayIn, instantIn } from '../../time/zone.ts'

type Props = {
  readonly label: string
  readonly holder: string
  /** RFC 3339; empty for now. */
  readonly at: string
  readonly holders: Holders
}

/** Asks the same question about somebody else or another time. */
export const WhatIf = ({ label, holder, at, holders }: Props) => {
  const { route } = useLocation()
  const zone = homeZone()
  const ms = Date.parse(at)
  const [who, setWho] = useState(holder)
  const [day, setDay] = useState(at === '' ? '' : dayIn(zone, ms))
  const [clock, setClock] = useState(at === '' ? '' : clockIn(zone, ms))
  const people = holders.people.map(({ id, username }) => ({
    value: `account:${id}`,
    label: username,
  }))
  const ask = (): void => {
    const asked =
      day === '' ? '' : new Date(instantIn(zone, day, clock === '' ? '12:00' : clock)).toISOString()
    route(whyAddress(label, { holder: who, at: asked }))
  }
  return (
    <Section title="What if?" lead="Ask about somebody else or another time. Nothing is changed.">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault()
          ask()
        }}
      >
        <div class="fields">
          <Select
            label="Who"
            value={who}
            onValue={setWho}
            options={withSelected([...people, ...ROLE_HOLDERS], who, holders.nameOf(who))}
          />
          <Field label="Day (empty for now)" type="date" value={day} onValue={setDay} />
          <Field label="Time" type="time" value={clock} onValue={setClock} />
        </div>
        <Button type="submit">Ask</Button>
      </form>
    </Section>
  )
}
