import { Screen } from '../components/screen.tsx'
import { useRecent } from '../recent.ts'
import { usePulse } from '../pulse.ts'
import { Charts } from './today-charts.tsx'
import { Health } from './today-health.tsx'
import { LatestOpenings, LastOpening } from './today-openings.tsx'

const OPENINGS = 10

/** Is all well, who opened the door last, and how often it is opened. */
export const TodayPage = () => {
  const recent = useRecent(OPENINGS)
  const pulse = usePulse(recent.openings && (recent.openings[0]?.seq ?? -1))
  return (
    <Screen title="Today">
      <LastOpening recent={recent} />
      <Health pulse={pulse} newest={recent.openings?.[0]} />
      <LatestOpenings recent={recent} />
      <Charts pulse={pulse} />
    </Screen>
  )
}
