import { useRecentUnlocks } from '../../api/unlocks/recent-unlocks.ts'
import { useRefreshSignal } from '../../api/refresh.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { WaitingList } from '../../components/list/waiting-list.tsx'
import { Charts } from './charts.tsx'
import { FirstAccess } from './first-access.tsx'
import { Health } from './health.tsx'
import { Lockdowns } from './lockdowns.tsx'
import { LOADED_MAX, LatestUnlock, LatestUnlocks, LiveMark } from './latest-unlocks.tsx'

/** What is locked down, who unlocked the door last, whether all is well, whether somebody wants in, and how often the door is
 * unlocked. */
export const TodayPage = () => {
  const recent = useRecentUnlocks(LOADED_MAX)
  const refresh = useRefreshSignal(recent.unlocks && (recent.unlocks[0]?.seq ?? -1))
  return (
    <Screen title="Today" actions={<LiveMark recent={recent} />}>
      <Lockdowns refresh={refresh} />
      <FirstAccess />
      <LatestUnlock recent={recent} />
      <LatestUnlocks recent={recent} />
      <Health refresh={refresh} />
      <WaitingList />
      <Charts refresh={refresh} />
    </Screen>
  )
}
